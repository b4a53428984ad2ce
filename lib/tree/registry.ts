import { ArgumentError, TreeError } from '../base/errors';
import { arrayKind, mapKind, nullKind, objectKind, undefinedKind, type NodeKind } from './kinds';
import { className, printValue, type PathKey } from './path';
import { hashStatic, isPlainPrototype, mix, sameStatic } from './static-value';

/** A class, abstract or not. */
export type Class<T extends object = object> = abstract new (...args: never[]) => T;

/** How instances of a class come apart into children and a fixed part, and are built from them again. */
export interface NodeSpec<T> {
  /** The children, and the part that belongs to the structure (compared as static fields of modules are). */
  readonly flatten: (node: T) => readonly [children: readonly unknown[], fixed?: unknown];
  /** Builds the object again; children may be of any type, as `tree.map` puts anything in the place of leaves. */
  readonly unflatten: (children: readonly unknown[], fixed: unknown) => T;
  /** Names of the children for paths: `.mean`. Without them children are numbered: `[0]`. */
  readonly names?: (fixed: unknown) => readonly string[];
}

interface Family {
  readonly base: object;
  readonly make: (prototype: object) => NodeKind;
  /** Made once for each class: structures compare kinds by identity. */
  readonly made: WeakMap<object, NodeKind>;
}

const exact = new WeakMap<object, NodeKind>();
const families: Family[] = [];
let cache = new WeakMap<object, NodeKind | LeafMark>();
/** The class of the last node and of the last leaf: in a model they alternate. */
let lastPrototype: object | undefined;
let lastKind: NodeKind | undefined;
let lastLeafPrototype: object | undefined;

type LeafMark = false;

/**
 * Makes a class a kind of node. Its subclasses are not: each is registered on its own.
 *
 * @param Class  The class; its instances were leaves before.
 * @param spec  `flatten` and `unflatten`, which must be each other's inverse.
 * @throws ERR_TREE if the class is a kind of node already; ERR_ARGUMENT if it is no class. A tree function throws
 *   ERR_TREE when `flatten` does not return an array of children, and perhaps a fixed part.
 * @example
 * tree.register(Interval, {
 *   flatten: (x) => [[x.low, x.high]],
 *   unflatten: ([low, high]) => new Interval(low as number, high as number),
 *   names: () => ['low', 'high'],
 * });
 * @see jax.tree_util.register_pytree_node.
 */
export function register<T extends object>(Class: Class<T>, spec: NodeSpec<T>): void {
  if (typeof Class !== 'function' || typeof Class.prototype !== 'object') {
    throw new ArgumentError(`tree.register: expected a class, got ${describe(Class)}.`, {
      op: 'tree.register',
    });
  }
  const prototype = Class.prototype as object;
  if (builtin(prototype) !== undefined || exact.has(prototype) || familyOf(prototype) !== undefined) {
    throw new TreeError(
      `tree.register: expected a class that is no node yet, got ${Class.name}, which is one. Register each class once.`,
      { op: 'tree.register' },
    );
  }
  exact.set(prototype, specKind(Class.name, spec as unknown as NodeSpec<object>));
  forget();
}

/** Makes a class and everything that extends it nodes; `make` is asked once for every class that is met. */
export function registerFamily(Class: Class, make: (prototype: object) => NodeKind): void {
  families.push({ base: Class.prototype as object, make, made: new WeakMap() });
  forget();
}

/** What kind of node a value is, or undefined for a leaf. */
export function kindOf(value: unknown): NodeKind | undefined {
  if (typeof value === 'object') {
    if (value === null) return nullKind;
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === Array.prototype) return arrayKind;
    if (prototype === Object.prototype || prototype === null) return objectKind;
    if (prototype === lastLeafPrototype) return undefined;
    return prototype === lastPrototype ? lastKind : kindOfPrototype(prototype);
  }
  if (value === undefined) return undefinedKind;
  if (typeof value === 'function') {
    // A function with a class of its own may be a node: a callable module.
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype !== Function.prototype && prototype !== null) return kindOfPrototype(prototype);
  }
  return undefined;
}

/** What a value is called in an error message: `array of 2`, `object {a, b}`, `leaf of type number`. */
export function describe(value: unknown): string {
  const kind = kindOf(value);
  if (kind === undefined) {
    if (typeof value === 'function') return 'a function';
    return typeof value === 'object' ? `leaf of class ${className(value!)}` : `leaf of type ${typeof value}`;
  }
  const children: unknown[] = [];
  return kind.describe(kind.open(value, children), children.length);
}

function kindOfPrototype(prototype: object): NodeKind | undefined {
  let found = cache.get(prototype);
  if (found === undefined) {
    found = exact.get(prototype) ?? familyOf(prototype) ?? builtin(prototype) ?? false;
    cache.set(prototype, found);
  }
  if (found === false) {
    lastLeafPrototype = prototype;
    return undefined;
  }
  lastPrototype = prototype;
  lastKind = found;
  return found;
}

function familyOf(prototype: object): NodeKind | undefined {
  for (const { base, make, made } of families) {
    if (prototype !== base && !Object.prototype.isPrototypeOf.call(base, prototype)) continue;
    let kind = made.get(prototype);
    if (kind === undefined) {
      kind = make(prototype);
      made.set(prototype, kind);
    }
    return kind;
  }
  return undefined;
}

function builtin(prototype: object): NodeKind | undefined {
  if (prototype === Map.prototype) return mapKind;
  if (isPlainPrototype(prototype)) return objectKind;
  // `Array.prototype` is itself an array, in every realm; the prototype of a subclass is not.
  return Array.isArray(prototype) ? arrayKind : undefined;
}

function forget(): void {
  cache = new WeakMap();
  lastPrototype = undefined;
  lastKind = undefined;
  lastLeafPrototype = undefined;
}

function specKind(label: string, spec: NodeSpec<object>): NodeKind {
  return {
    label,
    hash: hashStatic(spec),
    open(node, into) {
      const parts: unknown = spec.flatten(node as object);
      const [children, fixed]: unknown[] = Array.isArray(parts) ? (parts as unknown[]) : [];
      if (!Array.isArray(children)) {
        throw new TreeError(
          `${label}: expected the registered \`flatten\` to return [children] or [children, fixed], got ${printValue(parts)}.`,
          { op: 'tree.register' },
        );
      }
      for (let i = children.length - 1; i >= 0; i--) into.push(children[i] as unknown);
      return fixed;
    },
    close(fixed, from, count) {
      const children: unknown[] = [];
      for (let i = 0; i < count; i++) children.push(from.pop());
      return spec.unflatten(children, fixed);
    },
    keys(fixed, count) {
      const names = spec.names?.(fixed);
      const keys: PathKey[] = [];
      for (let i = 0; i < count; i++) {
        const name = names?.[i];
        keys.push(name === undefined ? { kind: 'index', index: i } : { kind: 'field', name });
      }
      return keys;
    },
    sameFixed: sameStatic,
    hashFixed: (fixed) => mix(31, hashStatic(fixed)),
    describe: (_fixed, count) => `${label} of ${count}`,
    print: (_fixed, children) => `${label}(${children.join(', ')})`,
  };
}
