// Writes lib/ops/generated/ from lib/ops/schemas.txt: the typed functions and methods of the operators.
// The same input gives the same bytes. `--out DIR` writes elsewhere.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { tsImport } from 'tsx/esm/api';

/** @typedef {import('../lib/ops/schema.js').Schema} Schema */
/** @typedef {import('../lib/ops/schema.js').SchemaArgument} SchemaArgument */
/** @typedef {import('../lib/ops/schema.js').SchemaReturn} SchemaReturn */
/** @typedef {{ line: string, schema: Schema }} Overload */

/** @type {typeof import('../lib/ops/schema.js')} */
const { camelCase, isFunctional, parseSchema } = await tsImport('../lib/ops/schema.ts', import.meta.url);
/** @type {typeof import('../lib/ops/skip.js')} */
const { ownMembers, skipped } = await tsImport('../lib/ops/skip.ts', import.meta.url);

const root = fileURLToPath(new URL('..', import.meta.url));
const reserved = new Set(
  (
    'await break case catch class const continue debugger default delete do else enum export extends false finally ' +
    'for function if implements import in instanceof interface let new null package private protected public return ' +
    'static super switch this throw true try typeof var void while with yield arguments eval'
  ).split(' '),
);
const width = 110;

/** @type {Readonly<Record<string, string>>} */
const argumentTypes = {
  Tensor: 'TensorLike',
  Scalar: 'ScalarLike',
  int: 'number',
  SymInt: 'number',
  float: 'number',
  bool: 'boolean',
  str: 'string',
  Device: 'string',
  ScalarType: 'DType',
  Layout: 'Layout',
  MemoryFormat: 'MemoryFormat',
  Generator: 'null',
};

/** @type {Readonly<Record<string, string>>} */
const returnTypes = {
  Tensor: 'Tensor',
  int: 'number',
  SymInt: 'number',
  float: 'number',
  bool: 'boolean',
  Scalar: 'number | bigint | boolean | Complex',
  ScalarType: 'DType',
};

/** @returns {Map<string, Overload[]>} the overloads of each name, in the order in which they are tried */
function readOverloads() {
  /** @type {Map<string, Overload[]>} */
  const names = new Map();
  for (const full of readFileSync(path.join(root, 'lib/ops/schemas.txt'), 'utf8').trimEnd().split('\n')) {
    const schema = parseSchema(full);
    if (schema.name.startsWith('_') || !isFunctional(schema)) continue;
    const line = full.replace(/^aten::/, '');
    const own = schema.overload === '' ? schema.name : `${schema.name}.${schema.overload}`;
    if (own in skipped || schema.name in skipped) continue;
    names.set(schema.name, [...(names.get(schema.name) ?? []), { line, schema }]);
  }
  for (const overloads of names.values()) overloads.sort((a, b) => rank(a) - rank(b));
  return names;
}

/** Overloads that Python's function is, where one with fewer arguments would take the same call otherwise. */
const first = new Set(['stft.center']);

/**
 * Overloads that want fewer tensors come first, so that a number finds its scalar form before it is made a tensor.
 *
 * @param {Overload} overload
 */
function rank({ schema }) {
  return first.has(`${schema.name}.${schema.overload}`)
    ? 0
    : schema.args.filter((arg) => arg.type.base === 'Tensor').length;
}

/** @param {SchemaArgument} arg */
function argumentType(arg) {
  const { base, isList, isOptional, hasOptionalElements } = arg.type;
  let type = argumentTypes[base];
  if (type === undefined) throw new Error(`gen-ops: no TypeScript type for ${base} (${arg.name})`);
  if (arg.name === 'reduction' && base === 'int') type = 'Reduction';
  if (isList) {
    if (base === 'Tensor') type = hasOptionalElements ? 'readonly (Tensor | null)[]' : 'readonly Tensor[]';
    else if (type === 'number' && base !== 'float') type = 'Ints';
    else type = `${type} | readonly ${type}[]`;
  }
  return isOptional && type !== 'null' ? `${type} | null` : type;
}

/** @param {Schema} schema */
function resultType(schema) {
  // A backward operator gives no tensor for what its mask leaves out.
  const isMasked = schema.args.some((arg) => arg.type.base === 'bool' && arg.type.isList);
  const one = (/** @type {SchemaReturn} */ { type }) => {
    const base = returnTypes[type.base];
    if (base === undefined) throw new Error(`gen-ops: no TypeScript type for the result ${type.base}`);
    if (type.isList) return `${base}[]`;
    return isMasked && type.base === 'Tensor' ? 'Tensor | null' : base;
  };
  if (schema.returns.length === 0) return 'void';
  const [first] = schema.returns;
  if (schema.returns.length === 1 && first !== undefined) return one(first);
  const isNamed = schema.returns.every((result) => result.name !== undefined);
  return `[${schema.returns
    .map((result) => (isNamed ? `${camelCase(String(result.name))}: ${one(result)}` : one(result)))
    .join(', ')}]`;
}

/** @param {SchemaArgument} arg */
function parameterName(arg) {
  return reserved.has(arg.publicName) ? `${arg.publicName}_` : arg.publicName;
}

/**
 * The call signatures of an overload: one by position, and one for each number of leading arguments after which the
 * rest may come by name.
 *
 * @param {Schema} schema
 * @param {readonly SchemaArgument[]} args  those of the function, or of the method without the first
 */
function signatures(schema, args) {
  const result = resultType(schema);
  const lastRequired = args.findLastIndex((arg) => arg.defaultText === undefined);
  const byPosition = args.map(
    (arg, index) => `${parameterName(arg)}${index > lastRequired ? '?' : ''}: ${argumentType(arg)}`,
  );
  const forms = [{ parameters: byPosition, result }];

  const isNameable = (/** @type {SchemaArgument} */ arg) =>
    arg.defaultText !== undefined || arg.isKeywordOnly;
  const positionalCount = args.filter((arg) => !arg.isKeywordOnly).length;
  const firstNameable = args.findIndex(isNameable);
  if (firstNameable < 0) return forms;
  for (let count = firstNameable; count <= Math.min(positionalCount, args.length - 1); count++) {
    const named = args.slice(count).filter((arg) => arg.type.base !== 'Generator');
    if (named.length === 0) continue;
    const fields = named.map(
      (arg) => `${arg.publicName}${arg.defaultText === undefined ? '' : '?'}: ${argumentType(arg)}`,
    );
    const lead = args
      .slice(0, count)
      .map(
        (arg) =>
          `${parameterName(arg)}: ${argumentType(arg)}${arg.defaultText === undefined ? '' : ' | undefined'}`,
      );
    forms.push({ parameters: [...lead, `options: { ${fields.join('; ')} }`], result });
  }
  return forms;
}

/**
 * @param {string} indent
 * @param {string} name  of a method, or empty for a call signature
 * @param {{ parameters: readonly string[], result: string }} form
 */
function printSignature(indent, name, form) {
  const flat = `${indent}${name}(${form.parameters.join(', ')}): ${form.result};`;
  if (flat.length <= width) return flat;
  const lines = form.parameters.map((parameter) => `${indent}  ${parameter},`);
  return [`${indent}${name}(`, ...lines, `${indent}): ${form.result};`].join('\n');
}

/** @returns {Map<string, string>} PyTorch's documentation page of each ATen name that has one */
function readPages() {
  const lines = readFileSync(path.join(root, 'scripts/pytorch-pages.txt'), 'utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => /** @type {[string, string]} */ (line.split(' '))));
}

/**
 * @param {readonly Overload[]} overloads
 * @param {string | undefined} page
 */
function docstring(overloads, page) {
  const pointer =
    page === undefined
      ? "Not in PyTorch's documentation; see aten/src/ATen/native/native_functions.yaml (v2.13.0)."
      : `@see ${page}: https://docs.pytorch.org/docs/2.13/generated/${page}.html`;
  return [
    '/**',
    ...overloads.map(({ line }) => ` * \`${line.replaceAll('*/', '*\\/')}\``),
    ' *',
    ` * ${pointer}`,
    ' */',
  ].join('\n');
}

/**
 * @param {string} name  the ATen name
 * @param {readonly Overload[]} overloads
 * @param {string | undefined} page
 */
function printFunction(name, overloads, page) {
  const publicName = camelCase(name);
  const isReserved = reserved.has(publicName);
  const calls = overloads.flatMap(({ schema }) =>
    signatures(schema, schema.args).map((form) => printSignature('  ', '', form)),
  );
  const lines = overloads.map(({ line }) => `  ${quote(line)},`);
  return [
    docstring(overloads, page),
    `${isReserved ? '' : 'export '}const ${publicName}${isReserved ? '_' : ''} = operator('${publicName}', [`,
    ...lines,
    ']) as {',
    ...new Set(calls),
    '};',
    ...(isReserved ? [`export { ${publicName}_ as ${publicName} };`] : []),
  ].join('\n');
}

/**
 * @param {string} name
 * @param {readonly Overload[]} overloads
 */
function printMethod(name, overloads) {
  const publicName = camelCase(name);
  if (ownMembers.has(publicName)) return [];
  const calls = overloads
    .filter(({ schema }) => schema.args[0] !== undefined && isTensorArgument(schema.args[0]))
    .flatMap(({ schema }) =>
      signatures(schema, schema.args.slice(1)).map((form) => printSignature('    ', publicName, form)),
    );
  if (calls.length === 0) return [];
  return [`    /** \`ops.${publicName}\` with this tensor as its first argument. */`, ...new Set(calls)];
}

/** @param {SchemaArgument} arg */
function isTensorArgument(arg) {
  return arg.type.base === 'Tensor' && !arg.type.isList && !arg.type.isOptional;
}

/** @param {string} line */
function quote(line) {
  return line.includes("'") ? JSON.stringify(line) : `'${line}'`;
}

/** @param {string} body */
function imports(body) {
  const code = body.replace(/\/\*\*[^]*?\*\/|^ {2}['"].*$|interface Tensor/gm, '');
  const uses = (/** @type {string} */ name) => new RegExp(`\\b${name}\\b`).test(code);
  const own = ['Ints', 'Layout', 'MemoryFormat', 'Reduction', 'ScalarLike', 'TensorLike'].filter(uses);
  return [
    ...(uses('Complex') ? ["import type { Complex } from '../../base/complex';"] : []),
    ...(uses('DType') ? ["import type { DType } from '../../base/dtype';"] : []),
    ...(uses('Tensor') ? ["import type { Tensor } from '../../tensor/tensor';"] : []),
    "import { operator } from '../operator';",
    ...(own.length > 0 ? [`import type { ${own.join(', ')} } from '../types';`] : []),
  ].join('\n');
}

const letterGroups = ['a', 'b', 'c', 'd-e', 'f-h', 'i-k', 'l', 'm', 'n-q', 'r', 's', 't', 'u-z'];

/**
 * The file that a name goes to: families that people look for together, what only other operators call, the rest by
 * letter. Few files, because loading one costs more than what is in it.
 *
 * @param {string} name
 */
function fileOf(name) {
  if (/_backward(_|$)|_jvp$/.test(name)) return 'backward';
  if (/^(cudnn|miopen|mkldnn|mps|fbgemm|quantize|fake_quantize|q_|to_mkldnn|lstm_mps)/.test(name))
    return 'backends';
  const family = /^(linalg|fft|special|sparse)_/.exec(name)?.[1];
  if (family !== undefined) return family;
  const letter = name.charAt(0).toLowerCase();
  const group = letterGroups.find(
    (range) => range.charAt(0) <= letter && letter <= range.charAt(range.length - 1),
  );
  if (group === undefined) throw new Error(`gen-ops: no file for ${name}`);
  return group;
}

/** @returns {Map<string, string>} file names and contents */
function generate() {
  const pages = readPages();
  /** @type {Map<string, { functions: string[], methods: string[] }>} */
  const files = new Map();
  for (const [name, overloads] of [...readOverloads()].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const key = fileOf(name);
    const file = files.get(key) ?? { functions: [], methods: [] };
    files.set(key, file);
    file.functions.push(printFunction(name, overloads, pages.get(name)));
    file.methods.push(...printMethod(name, overloads));
  }

  const note = '// Generated by scripts/gen-ops.mjs from lib/ops/schemas.txt. Do not edit.\n';
  /** @type {Map<string, string>} */
  const contents = new Map();
  for (const [key, { functions, methods }] of files) {
    const merged =
      methods.length === 0
        ? ''
        : `\ndeclare module '../../tensor/tensor' {\n  interface Tensor {\n${methods.join('\n')}\n  }\n}\n`;
    const body = `${functions.join('\n\n')}\n${merged}`;
    contents.set(`${key}.ts`, `${note}${imports(body)}\n\n${body}`);
  }
  const exports = [...files.keys()].sort().map((key) => `export * from './${key}';`);
  contents.set('index.ts', `${note}${exports.join('\n')}\n`);
  return contents;
}

const flag = process.argv.indexOf('--out');
const out = flag < 0 ? path.join(root, 'lib/ops/generated') : String(process.argv[flag + 1]);
mkdirSync(out, { recursive: true });
const contents = generate();
for (const stale of readdirSync(out)) if (!contents.has(stale)) rmSync(path.join(out, stale));
for (const [name, text] of contents) writeFileSync(path.join(out, name), text);
console.log(`${path.relative(process.cwd(), out)}: ${contents.size} files`);
