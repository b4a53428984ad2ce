import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { atPath, describe, flatten, flattenUpTo, flattenWithPath, splitOptions, unflatten } from '../tree';

/** Which leaves to keep: a predicate, or a prefix of the tree with a boolean or a predicate for each part. */
export type FilterSpec = unknown;

export interface FilterOptions {
  /** What takes the place of leaves that are not kept; null unless given. */
  readonly replace?: unknown;
  /** Makes whole subtrees the units that are kept or not. */
  readonly isLeaf?: ((node: unknown) => boolean) | undefined;
}

/**
 * The tree with the leaves that `spec` does not keep replaced by null.
 *
 * @param t  Any tree.
 * @param spec  A predicate on leaves, or a prefix of `t` whose leaves are booleans and predicates.
 * @param options  `inverse` keeps the others instead.
 * @returns A tree with the nodes of `t`; modules keep their class.
 * @throws ERR_TREE if `spec` is not a prefix of `t`; ERR_ARGUMENT if it holds anything but booleans and functions,
 *   and for unknown options.
 * @example
 * const params = filter(model, isInexactArray);
 * @see equinox.filter.
 */
export function filter<T>(
  t: T,
  spec: FilterSpec,
  options: FilterOptions & { readonly inverse?: boolean } = {},
): T {
  requireOptions(options, ['inverse', 'replace', 'isLeaf'], 'filter');
  const [kept, removed] = split('filter', t, spec, options);
  return (options.inverse === true ? removed() : kept()) as T;
}

/**
 * Splits a tree in two: the leaves that `spec` keeps, and the others. Each has null where the other has a leaf;
 * `combine` puts them together again.
 *
 * @throws ERR_TREE if `spec` is not a prefix of `t`; ERR_ARGUMENT if it holds anything but booleans and functions,
 *   and for unknown options.
 * @example
 * const [params, rest] = partition(model, isInexactArray);
 * @see equinox.partition.
 */
export function partition<T>(t: T, spec: FilterSpec, options: FilterOptions = {}): [kept: T, removed: T] {
  requireOptions(options, ['replace', 'isLeaf'], 'partition');
  const [kept, removed] = split('partition', t, spec, options);
  return [kept() as T, removed() as T];
}

/**
 * Puts trees together: at each place the first leaf that is not null.
 *
 * @param trees  Trees of the same nodes, with null in the place of leaves or of whole subtrees; a last argument that
 *   is an object with nothing but an `isLeaf` function is `TreeOptions`.
 * @throws ERR_ARGUMENT for no trees; ERR_TREE naming the first path at which a tree differs from the first one.
 * @example
 * const model = combine(params, rest);
 * @see equinox.combine.
 */
export function combine<T>(first: T, ...trees: readonly unknown[]): T {
  const [others, options] = splitOptions(trees);
  if (first === undefined && others.length === 0) {
    throw new ArgumentError('combine: expected one tree or more, got none.', { op: 'combine' });
  }
  const isLeaf = options?.isLeaf;
  const [leaves, structure] = flatten(first, {
    isLeaf: isLeaf === undefined ? isMissing : (node) => isMissing(node) || isLeaf(node),
  });
  for (const other of others) {
    const parts = flattenUpTo(structure, other, 'combine');
    for (let i = 0; i < leaves.length; i++) {
      if (isMissing(leaves[i]) && !isMissing(parts[i])) leaves[i] = parts[i];
    }
  }
  return unflatten(structure, leaves) as T;
}

type Build = () => unknown;

function split(
  op: string,
  t: unknown,
  spec: FilterSpec,
  options: FilterOptions,
): [kept: Build, removed: Build] {
  const { replace = null, isLeaf } = options;
  const [rules, outline] = flatten(spec);
  const parts = flattenUpTo(outline, t, op);
  const kept: Build[] = [];
  const removed: Build[] = [];
  parts.forEach((part, i) => {
    const rule = rules[i];
    const [leaves, structure] = flatten(part, { isLeaf });
    const mask = typeof rule === 'function' ? leaves.map((leaf) => Boolean((rule as Predicate)(leaf))) : rule;
    if (typeof mask !== 'boolean' && !Array.isArray(mask)) throw badRule(op, spec, i);
    const isKept = (at: number): boolean => (typeof mask === 'boolean' ? mask : (mask as boolean[])[at]!);
    kept.push(() =>
      unflatten(
        structure,
        leaves.map((leaf, at) => (isKept(at) ? leaf : replace)),
      ),
    );
    removed.push(() =>
      unflatten(
        structure,
        leaves.map((leaf, at) => (isKept(at) ? replace : leaf)),
      ),
    );
  });
  return [() => unflatten(outline, kept.map(run)), () => unflatten(outline, removed.map(run))];
}

type Predicate = (leaf: unknown) => unknown;

function run(build: Build): unknown {
  return build();
}

function isMissing(node: unknown): boolean {
  return node === null || node === undefined;
}

function badRule(op: string, spec: unknown, index: number): ArgumentError {
  const [path, rule] = flattenWithPath(spec)[0][index]!;
  return new ArgumentError(
    `${op}: expected a spec of booleans and functions, got ${describe(rule)}${atPath(path)}. Pass a predicate such as isArray.`,
    { op },
  );
}
