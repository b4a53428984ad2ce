/** @internal Exists for the compiler only. */
export declare const nodeBrand: unique symbol;

/** What classes carry, for the compiler only, whose instances are nodes whatever their fields look like. */
export interface NodeBrand {
  readonly [nodeBrand]: true;
}

type Depth = readonly unknown[];
type Deeper<D extends Depth> = readonly [...D, unknown];
type TooDeep = 8;
type Plain = Readonly<Record<string, unknown>>;

/**
 * The type of a tree's leaves, as far as the compiler can tell: through arrays, maps and object literals. A class
 * instance counts as a leaf, except a module, whose leaves are unknown.
 */
export type Leaf<T, D extends Depth = []> = D['length'] extends TooDeep
  ? unknown
  : unknown extends T
    ? unknown
    : T extends null | undefined
      ? never
      : T extends string
        ? string
        : T extends number
          ? number
          : T extends boolean
            ? boolean
            : T extends NodeBrand
              ? unknown
              : T extends readonly (infer U)[]
                ? Leaf<U, Deeper<D>>
                : T extends ReadonlyMap<unknown, infer V>
                  ? Leaf<V, Deeper<D>>
                  : T extends Plain
                    ? Leaf<T[keyof T], Deeper<D>>
                    : T;

/** The type of a tree with leaves of type `R` in place of its own; modules keep their class. */
export type WithLeaves<T, R, D extends Depth = []> = D['length'] extends TooDeep
  ? unknown
  : unknown extends T
    ? unknown
    : T extends null | undefined | NodeBrand
      ? T
      : T extends readonly unknown[]
        ? { [K in keyof T]: WithLeaves<T[K], R, Deeper<D>> }
        : T extends ReadonlyMap<infer K, infer V>
          ? Map<K, WithLeaves<V, R, Deeper<D>>>
          : T extends Plain
            ? { [K in keyof T]: WithLeaves<T[K], R, Deeper<D>> }
            : R;
