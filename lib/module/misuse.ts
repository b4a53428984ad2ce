import { ModuleError } from '../base/errors';

/** A message about how a class is written: what is wrong in one sentence, and the code as it is and as it should be. */
function withCode(sentence: string, wrong: string, right: string): string {
  return `${sentence}\n\n  // Wrong\n${indented(wrong)}\n\n  // Right\n${indented(right)}`;
}

function indented(code: string): string {
  return code
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

export function methodInField(owner: string, field: string, method: string): ModuleError {
  return misuse(
    owner,
    withCode(
      `${owner}: expected fields that are no methods of their own module, got ${method} at .${field}. Without the module ` +
        'that it belongs to a method has no parameters.',
      `constructor() {\n  super();\n  this.${field} = this.${method};\n}`,
      `${field}(...args) {\n  return this.${method}(...args);\n}`,
    ),
  );
}

export function arrowInField(owner: string, field: string): ModuleError {
  return misuse(
    owner,
    withCode(
      `${owner}: expected methods to be declared as methods, got a function at .${field} that uses \`this\`. It would ` +
        'go on using the parameters of the module that it was made in, also in the copies that gradients, updates and ' +
        '`treeAt` make.',
      `${field} = (x) => this.weight.mul(x);`,
      `${field}(x) {\n  return this.weight.mul(x);\n}`,
    ),
  );
}

export function boundMethodInField(owner: string, field: string, name: string): string {
  const method = name.replace('bound ', '');
  return withCode(
    `${owner}: the field .${field} holds a bound method (${name}). What a bound function holds is hidden from ` +
      'transforms: its tensors get no gradients.',
    `this.${field} = layer.${method}.bind(layer);`,
    `this.${field} = bind(layer, '${method}'); // or keep the layer, and call its method`,
  );
}

export function rawTransformInField(owner: string, field: string, transform: string): string {
  const filtered = `filter${transform.charAt(0).toUpperCase()}${transform.slice(1)}`;
  return withCode(
    `${owner}: the field .${field} holds what the raw transform ${transform} made of a module. What it wraps is hidden from ` +
      'transforms: its tensors get no gradients and no updates, and are not saved.',
    `this.${field} = ${transform}(layer);`,
    `this.${field} = ${filtered}(layer); // or keep the layer, and transform where it is called`,
  );
}

export function hiddenTensors(owner: string, field: string, what: string): string {
  return withCode(
    `${owner}: the field .${field} holds tensors in an object of the class ${what}, which is a leaf: transforms do not see what is in it. Its ` +
      'tensors get no gradients and no updates, and are not saved.',
    `class ${what} {}\nthis.${field} = new ${what}(ones([2]));`,
    `class ${what} extends Module {} // or tree.register(${what}, ...); or an array, an object, a Map\nthis.${field} = new ${what}(ones([2]));`,
  );
}

export function promiseInField(owner: string, field: string): string {
  return withCode(
    `${owner}: the field .${field} holds a Promise, which is a leaf: transforms do not see what it will give. A constructor ` +
      'cannot wait for it.',
    `this.${field} = load(path);`,
    `static async load(path) {\n  return new ${owner}(await load(path));\n}`,
  );
}

export function tensorsInSet(owner: string, field: string): string {
  return withCode(
    `${owner}: the field .${field} holds tensors in a Set, which is a leaf: transforms do not see what is in it. Its ` +
      'tensors get no gradients and no updates, and are not saved.',
    `this.${field} = new Set([ones([2])]);`,
    `this.${field} = [ones([2])];`,
  );
}

export function fieldsNoObject(owner: string, got: string): ModuleError {
  return misuse(
    owner,
    withCode(
      `${owner}.fields: expected an object with a value made by \`field(...)\` for each field, got ${got}.`,
      "static fields = ['size'];",
      'static fields = { size: field({ static: true }) };',
    ),
  );
}

export function tensorInStatic(owner: string, field: string): string {
  return withCode(
    `${owner}: the static field .${field} holds a tensor. Static fields are compared, not traced: it gets no gradient, ` +
      'and a compiled function keeps its value.',
    `static fields = { ${field}: field({ static: true }) };\n${field} = ones([2]);`,
    `${field} = ones([2]); // not in \`static fields\`; or a number, an array or a string that is`,
  );
}

export function notAField(owner: string, name: string, got: string): ModuleError {
  return misuse(
    owner,
    withCode(
      `${owner}.fields.${name}: expected a value made by \`field(...)\`, got ${got}.`,
      `static fields = { ${name}: ${got === 'boolean' ? 'true' : '...'} };`,
      `static fields = { ${name}: field({ static: true }) };`,
    ),
  );
}

export function unsetField(owner: string, name: string): ModuleError {
  return misuse(
    owner,
    withCode(
      `${owner}: expected the constructor to set every field that \`static fields\` names, got nothing for .${name}. ` +
        'A field that a subclass declares once more is reset by JavaScript; null stands for no value.',
      `static fields = { ${name}: field({ static: true }) };\nconstructor(${name}) {\n  super();\n}`,
      `static fields = { ${name}: field({ static: true }) };\nconstructor(${name}) {\n  super();\n  this.${name} = ${name};\n}`,
    ),
  );
}

export function privateName(owner: string, name: string): ModuleError {
  const plain = name.replace('#', '_');
  return misuse(
    owner,
    withCode(
      `${owner}: expected no private names, got ${name}. Modules are rebuilt without their constructor, which would ` +
        "lose it; so is the storage behind `accessor`. TypeScript's `private` is only checked, and works.",
      `${name};`,
      `private readonly ${plain};`,
    ),
  );
}

export function accessorField(owner: string, name: string): ModuleError {
  return misuse(
    owner,
    withCode(
      `${owner}: expected fields with values, got an accessor of the instance at .${name}. The copies that transforms ` +
        'make would lose it.',
      `Object.defineProperty(this, '${name}', { get: () => compute(this) });`,
      `get ${name}() {\n  return compute(this);\n}`,
    ),
  );
}

export function symbolField(owner: string, symbol: symbol): ModuleError {
  return misuse(
    owner,
    withCode(
      `${owner}: expected fields with string names, got ${String(symbol)}. Paths and files know fields by their names.`,
      'this[key] = value;',
      'this.name = value;',
    ),
  );
}

/** @param error  What construction threw. */
export function forgottenSuper(owner: string, base: string, error: ReferenceError): ModuleError {
  return new ModuleError(
    withCode(
      `${owner}: expected the constructor to call super() before it uses \`this\`.`,
      `class ${owner} extends ${base} {\n  constructor(weight) {\n    this.weight = weight;\n  }\n}`,
      `class ${owner} extends ${base} {\n  constructor(weight) {\n    super();\n    this.weight = weight;\n  }\n}`,
    ),
    { op: owner, cause: error },
  );
}

function misuse(owner: string, message: string): ModuleError {
  return new ModuleError(message, { op: owner });
}
