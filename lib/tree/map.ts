import { ArgumentError, TreeError } from '../base/errors';
import { flatten, flattenUpTo, unflatten, type TreeOptions } from './flatten';
import type { Path } from './path';
import { describe } from './registry';
import { isPlainObject } from './static-value';
import { leafPaths, type Structure } from './structure';
import type { Leaf, WithLeaves } from './types';

/**
 * Applies `f` to every leaf and builds the same tree from the results.
 *
 * @param f  Gets a leaf of `t` and what stands at its place in each tree of `rest`.
 * @param t  The tree that decides the structure.
 * @param rest  Trees of which `t` is a prefix: where `t` has a node they have the same node, where it has a leaf
 *   they may have a whole subtree, which `f` gets as it is. A last argument that is an object with nothing but an
 *   `isLeaf` function is `TreeOptions`; it counts for `t` only.
 * @returns A tree of `t`'s structure. Its type is that of `t` where `f` keeps the type of the leaves.
 * @throws ERR_TREE naming the first path at which a tree of `rest` differs, and both kinds.
 * @example
 * const next = tree.map((p: Tensor, g: Tensor) => p.sub(g.mul(0.1)), params, grads);
 * @see jax.tree.map.
 */
export function map<T, L = Leaf<T>>(
  f: (leaf: L, ...others: never[]) => L,
  t: T,
  ...rest: readonly unknown[]
): T;
// `L` takes the type that `f` declares, which may be narrower than what the compiler knows of the leaves.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
export function map<T, R, L = Leaf<T>>(
  f: (leaf: L, ...others: never[]) => R,
  t: T,
  ...rest: readonly unknown[]
): WithLeaves<T, R>;
export function map(f: (...leaves: never[]) => unknown, t: unknown, ...rest: unknown[]): unknown {
  refuseNoFunction('tree.map', f);
  const apply = f as (...leaves: unknown[]) => unknown;
  const [trees, options] = splitOptions(rest);
  const [leaves, structure] = flatten(t, options);
  const columns = trees.map((tree) => flattenUpTo(structure, tree, 'tree.map'));
  const results =
    columns.length === 0
      ? leaves.map((leaf) => apply(leaf))
      : leaves.map((leaf, i) => apply(leaf, ...columns.map((column) => column[i])));
  return unflatten(structure, results);
}

/**
 * As `map`, with the path to the leaf as the first argument of `f`.
 *
 * @throws ERR_TREE as `map` does.
 * @example
 * tree.mapWithPath((path, leaf) => `${tree.keystr(path)}=${String(leaf)}`, { a: [1, 2] });
 * @see jax.tree.map_with_path.
 */
export function mapWithPath<T, L = Leaf<T>>(
  f: (path: Path, leaf: L, ...others: never[]) => L,
  t: T,
  ...rest: readonly unknown[]
): T;
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
export function mapWithPath<T, R, L = Leaf<T>>(
  f: (path: Path, leaf: L, ...others: never[]) => R,
  t: T,
  ...rest: readonly unknown[]
): WithLeaves<T, R>;
export function mapWithPath(
  f: (path: Path, ...leaves: never[]) => unknown,
  t: unknown,
  ...rest: unknown[]
): unknown {
  refuseNoFunction('tree.mapWithPath', f);
  const apply = f as (path: Path, ...leaves: unknown[]) => unknown;
  const [trees, options] = splitOptions(rest);
  const [leaves, structure] = flatten(t, options);
  const paths = leafPaths(structure);
  const columns = trees.map((tree) => flattenUpTo(structure, tree, 'tree.mapWithPath'));
  return unflatten(
    structure,
    leaves.map((leaf, i) => apply(paths[i] ?? [], leaf, ...columns.map((column) => column[i]))),
  );
}

/**
 * Folds the leaves, in order, into one value.
 *
 * @example
 * tree.reduce((count: number, leaf: Tensor) => count + leaf.size, model, 0);
 * @see jax.tree.reduce. Difference: the initial value is required.
 */
export function reduce<A>(f: (sum: A, leaf: never) => A, t: unknown, initial: A, options?: TreeOptions): A {
  refuseNoFunction('tree.reduce', f);
  let sum = initial;
  for (const leaf of flatten(t, options)[0]) sum = f(sum, leaf as never);
  return sum;
}

/**
 * Whether every leaf is true; tensors of one element count by their value.
 *
 * @see jax.tree.all.
 */
export function all(t: unknown, options?: TreeOptions): boolean {
  return flatten(t, options)[0].every(isTrue);
}

/** Whether some leaf is true; tensors of one element count by their value. */
export function any(t: unknown, options?: TreeOptions): boolean {
  return flatten(t, options)[0].some(isTrue);
}

/**
 * Turns a tree of trees inside out: from `outer` with `inner` at each leaf, to `inner` with `outer` at each leaf.
 *
 * @param outer  The structure of the outer tree.
 * @param inner  The structure at each of its leaves; null: that of the first one.
 * @throws ERR_TREE if the tree is not `inner` at each leaf of `outer`.
 * @example
 * tree.transpose(tree.structure([0, 0]), null, [{ a: 1, b: 2 }, { a: 3, b: 4 }]); // { a: [1, 3], b: [2, 4] }
 * @see jax.tree.transpose.
 */
export function transpose(outer: Structure, inner: Structure | null, t: unknown): unknown {
  const parts = flattenUpTo(outer, t, 'tree.transpose');
  const shape = inner ?? (parts.length === 0 ? undefined : flatten(parts[0])[1]);
  if (shape === undefined) {
    throw new TreeError(
      'tree.transpose: expected an inner structure, got null for an outer tree without leaves. Pass `inner`.',
      { op: 'tree.transpose' },
    );
  }
  const rows = parts.map((part) => flattenUpTo(shape, part, 'tree.transpose'));
  const columns: unknown[] = [];
  for (let i = 0; i < shape.leafCount; i++) {
    columns.push(
      unflatten(
        outer,
        rows.map((row) => row[i]),
      ),
    );
  }
  return unflatten(shape, columns);
}

/**
 * A prefix of a tree made as large as it: each leaf of the prefix is repeated for every leaf of what stands there.
 *
 * @param prefix  A tree whose leaves stand where `t` has whole subtrees.
 * @param t  The tree that decides the structure.
 * @param options  `isLeaf` is asked for the nodes of `t`; those of the prefix are told by the structure.
 * @returns A tree of `t`'s structure with the leaves of `prefix`.
 * @throws ERR_TREE naming the first path at which `prefix` is none.
 * @example
 * tree.broadcast([0.1, 0.01], [{ w: 1, b: 2 }, 3]); // [{ w: 0.1, b: 0.1 }, 0.01]
 * @see jax.tree.broadcast.
 */
export function broadcast(prefix: unknown, t: unknown, options?: TreeOptions): unknown {
  const [values, outline] = flatten(prefix);
  const parts = flattenUpTo(outline, t, 'tree.broadcast');
  const repeated = parts.map((part, i) => {
    const [leaves, structure] = flatten(part, options);
    return unflatten(structure, new Array<unknown>(leaves.length).fill(values[i]));
  });
  return unflatten(outline, repeated);
}

function refuseNoFunction(op: string, f: unknown): void {
  if (typeof f === 'function') return;
  throw new ArgumentError(`${op}: expected a function as the first argument, got ${describe(f)}.`, { op });
}

/** Tells the options at the end of a list of trees from a tree. */
export function splitOptions(
  rest: readonly unknown[],
): [trees: readonly unknown[], options: TreeOptions | undefined] {
  const last = rest.at(-1);
  return isTreeOptions(last) ? [rest.slice(0, -1), last] : [rest, undefined];
}

function isTreeOptions(value: unknown): value is TreeOptions {
  if (!isPlainObject(value) || !Object.hasOwn(value, 'isLeaf') || Object.keys(value).length !== 1)
    return false;
  const { isLeaf } = value as { isLeaf: unknown };
  return typeof isLeaf === 'function' || isLeaf === undefined;
}

function isTrue(leaf: unknown): boolean {
  // An object is true whatever it stands for, unless it says how to become a primitive, as tensors do.
  if (typeof leaf === 'object' && leaf !== null && Symbol.toPrimitive in leaf) return Number(leaf) !== 0;
  return Boolean(leaf);
}
