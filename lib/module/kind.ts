import { hashStatic, mix, printValue, sameStatic, type NodeKind, type PathKey } from '../tree';
import { classInfo } from './class-info';
import { finish, isFinished } from './finish';

/** Which fields the instances of a class have, and which of them are children. */
interface Layout {
  readonly hash: number;
  readonly names: readonly string[];
  readonly isChild: readonly boolean[];
  readonly children: readonly string[];
  readonly statics: readonly string[];
  readonly keys: readonly PathKey[];
  /** Whether assigning would run into an accessor of the class. */
  readonly needsDefine: boolean;
}

interface Fixed {
  readonly layout: Layout;
  readonly values: readonly unknown[];
  readonly wrapped: string | undefined;
  readonly hash: number;
}

/** A base class whose constructor returns its argument, so that a subclass adds its private field to that. */
const Returning = function (node: object): object {
  return node;
} as unknown as new (node: object) => object;

/**
 * NOTE [stamp]: a module remembers its fixed part under a private name, which no code outside can see or list, from
 * the first time that it is taken apart, or from when it is built. Frozen as modules are, the fixed part cannot
 * change. So taking a model apart reads its children and nothing else, and two structures of one model compare by
 * identity at every node.
 */
class Stamp extends Returning {
  readonly #fixed: Fixed;

  constructor(node: object, fixed: Fixed) {
    super(node);
    this.#fixed = fixed;
  }

  static of(node: object): Fixed | undefined {
    return #fixed in node ? node.#fixed : undefined;
  }
}

/** Where `moduleUpdateWrapper` keeps the name of the wrapped function. */
export const wrappedName: unique symbol = Symbol('equinode.wrappedName');

/**
 * How instances of one module class come apart and are built again. See NOTE [open and close] in lib/tree.
 */
export class ModuleKind implements NodeKind {
  readonly label: string;
  readonly hash: number;
  /** Whether the class has a `toString` of its own, which then is how instances print inside trees, too. */
  readonly printsItself: boolean;
  private readonly _prototype: object;
  private readonly _layouts = new Map<string, Layout>();
  private _last: Layout | undefined;

  /** @param base  The prototype of `Module`. */
  constructor(prototype: object, base: object) {
    this._prototype = prototype;
    this.printsItself = prototype.toString !== base.toString;
    this.label = prototype.constructor.name;
    this.hash = hashStatic(prototype);
  }

  open(node: unknown, into: unknown[]): Fixed {
    const record = node as Readonly<Record<string, unknown>>;
    const fixed = Stamp.of(record) ?? this._stamp(record);
    const { children } = fixed.layout;
    for (let i = children.length - 1; i >= 0; i--) into.push(record[children[i]!]);
    return fixed;
  }

  close(fixed: unknown, from: unknown[]): object {
    const { layout, values, wrapped } = fixed as Fixed;
    const node = Object.create(this._prototype) as Record<string, unknown>;
    const { names, isChild } = layout;
    let next = 0;
    for (let i = 0; i < names.length; i++) {
      const value = isChild[i] ? from.pop() : values[next++];
      if (layout.needsDefine) Object.defineProperty(node, names[i]!, { value, enumerable: true });
      else node[names[i]!] = value;
    }
    if (wrapped !== undefined) setWrappedName(node, wrapped);
    new Stamp(node, fixed as Fixed);
    return Object.freeze(node);
  }

  keys(fixed: unknown): readonly PathKey[] {
    return (fixed as Fixed).layout.keys;
  }

  sameFixed(a: unknown, b: unknown): boolean {
    if (a === b) return true;
    const left = a as Fixed;
    const right = b as Fixed;
    if (left.layout !== right.layout || left.wrapped !== right.wrapped) return false;
    for (let i = 0; i < left.values.length; i++) {
      if (!sameStatic(left.values[i], right.values[i])) return false;
    }
    return true;
  }

  hashFixed(fixed: unknown): number {
    return (fixed as Fixed).hash;
  }

  describe(fixed: unknown): string {
    return this.print(
      fixed,
      (fixed as Fixed).layout.children.map(() => '*'),
    );
  }

  print(fixed: unknown, children: readonly string[]): string {
    const { layout, values } = fixed as Fixed;
    let child = 0;
    let value = 0;
    const parts = layout.names.map(
      (name, i) => `${name}=${layout.isChild[i] ? children[child++]! : printValue(values[value++])}`,
    );
    return `${this.label}(${parts.join(', ')})`;
  }

  private _stamp(node: Readonly<Record<string | symbol, unknown>>): Fixed {
    if (!isFinished(node)) finish(node);
    const layout = this._layoutOf(Object.keys(node));
    const values = layout.statics.map((name) => node[name]);
    const wrapped = node[wrappedName] as string | undefined;
    let hash = mix(layout.hash, wrapped === undefined ? 0 : hashStatic(wrapped));
    for (const value of values) hash = mix(hash, hashStatic(value));
    const fixed = { layout, values, wrapped, hash };
    new Stamp(node, fixed);
    return fixed;
  }

  private _layoutOf(names: readonly string[]): Layout {
    const last = this._last;
    if (last !== undefined && sameNames(last.names, names)) return last;
    const id = names.join('\0');
    let layout = this._layouts.get(id);
    if (layout === undefined) {
      layout = this._makeLayout(names);
      this._layouts.set(id, layout);
    }
    this._last = layout;
    return layout;
  }

  private _makeLayout(names: readonly string[]): Layout {
    const { statics } = classInfo(this._prototype);
    const children = names.filter((name) => !statics.has(name));
    return {
      hash: hashStatic(names),
      names,
      isChild: names.map((name) => !statics.has(name)),
      children,
      statics: names.filter((name) => statics.has(name)),
      keys: children.map((name) => ({ kind: 'field', name })),
      needsDefine: names.some((name) => name in this._prototype),
    };
  }
}

/** Remembers the name of the wrapped function on a module that is not frozen yet, without making it a field. */
export function setWrappedName(node: object, name: string): void {
  Object.defineProperty(node, wrappedName, { value: name, enumerable: false });
  if (!Object.hasOwn(node, 'name')) Object.defineProperty(node, 'name', { value: name, enumerable: false });
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
