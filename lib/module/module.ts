import { ModuleError } from '../base/errors';
import { registerFamily, type nodeBrand } from '../tree';
import { undecorated } from './class-info';
import { finish } from './finish';
import { forgottenSuper } from './misuse';
import { ModuleKind, wrappedName } from './kind';
import { pformatFields, treePformat } from './pformat';

/**
 * The base of models, layers, and everything else that is made of tensors: a class whose instances are trees.
 *
 * The fields of an instance are its children, in the order of their declaration; `static fields` makes some of them
 * part of the structure or converts them (see `field`). Instances never change: they freeze when they first enter a
 * tree function or a transform, or right after construction if the class is decorated with `@module`. `treeAt`
 * makes a changed copy. Rebuilding a tree (`tree.map`, transforms) runs no constructor.
 *
 * What a module does is its method `forward`; `call(m, ...args)` and every transform use that one. A class may have
 * `checkInit()` to check its finished fields; that of each class in the chain runs, the most derived one first.
 *
 * @throws ERR_MODULE when construction ends, for `#private` names, own methods and arrow functions around `this` kept
 *   in fields, accessors on the instance, fields with symbols as names, and fields named in `static fields` that have
 *   no value. The messages show the code as it should be.
 * @example
 * class Linear extends Module {
 *   readonly weight: Tensor;
 *   constructor(key: random.Key) {
 *     super();
 *     this.weight = random.normal(key, [8, 2]);
 *   }
 *   forward(x: Tensor): Tensor {
 *     return this.weight.matmul(x);
 *   }
 * }
 * @see equinox.Module. Differences: the constructor is always written by hand; calling is `forward`; a method taken
 *   off an instance is a plain function (`bind` keeps its module); assigning to a frozen
 *   module is JavaScript's own TypeError, with a hint in its text.
 */
export abstract class Module {
  declare readonly [nodeBrand]: true;

  /**
   * The module with all its fields, as `treePformat` prints it. A class may have a `toString` of its own, which then
   * counts inside trees, too.
   */
  toString(): string {
    return pformatFields(this);
  }

  /** The same in Node: `console.log`, `util.inspect`; within other values, where it is indented as they are. */
  [Symbol.for('nodejs.util.inspect.custom')](depth: number): unknown {
    if (depth < 0) return `${this.constructor.name}(...)`;
    // Node indents what an object prints inside others, and not what a string says.
    return { [Symbol.for('nodejs.util.inspect.custom')]: () => treePformat(this) };
  }
}

// V8 quotes this tag when a frozen property is assigned: "Cannot assign to read only property 'weight' of object
// '[object Module (frozen: ...)]'". It does so only for a plain value, not for a getter.
Object.defineProperty(Module.prototype, Symbol.toStringTag, {
  value: 'Module (frozen; instead of `m.x = y` write `m = treeAt((m) => m.x, m, y)`)',
});
// So that asking an ordinary module for it ends here instead of at the end of the prototype chain.
Object.defineProperty(Module.prototype, wrappedName, { value: undefined });

registerFamily(Module, (prototype) => new ModuleKind(prototype, Module.prototype));

type ModuleClass = abstract new (...args: never[]) => Module;

/**
 * Finishes every instance right after its construction: checks the fields, converts them, freezes the instance and
 * runs `checkInit`, so that mistakes show where they are made. A class decorator; for plain JavaScript also a
 * function: `const Linear = module(class Linear extends Module { ... })`.
 *
 * Instances of subclasses are finished by it only if the subclass is decorated, too.
 *
 * @returns The class, with the same name, statics and prototype.
 * @throws ERR_MODULE if the class does not extend `Module`.
 */
export function module<C extends ModuleClass>(Class: C, _context?: ClassDecoratorContext): C {
  if (!(Class.prototype instanceof Module)) {
    throw new ModuleError(`module: expected a class that extends Module, got ${Class.name}.`, {
      op: 'module',
    });
  }
  const decorated: C = new Proxy(Class, {
    construct(target, args, newTarget): object {
      const node = construct(target, args, newTarget);
      if (newTarget === decorated) finish(node);
      return node;
    },
  });
  undecorated.set(decorated, Class);
  Object.defineProperty(Class.prototype, 'constructor', {
    value: decorated,
    writable: true,
    configurable: true,
  });
  return decorated;
}

function construct(target: ModuleClass, args: unknown[], newTarget: unknown): object {
  try {
    return Reflect.construct<unknown[], object>(target as never, args, newTarget as never);
  } catch (error) {
    // V8's words; another mistake of the same kind has others.
    if (error instanceof ReferenceError && error.message.startsWith('Must call super constructor')) {
      const base = Object.getPrototypeOf(target) as ModuleClass;
      throw forgottenSuper(target.name, base.name, error);
    }
    throw error;
  }
}
