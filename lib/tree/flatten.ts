import { TreeError } from '../base/errors';
import { refuseCycles } from './cycle';
import type { NodeKind } from './kinds';
import { atPath, printValue, type Path } from './path';
import { describe, kindOf } from './registry';
import { entryPath, leafPaths, Structure } from './structure';

export interface TreeOptions {
  /** Asked for every node from the root down; where it answers true, the node is taken as one leaf. */
  readonly isLeaf?: ((node: unknown) => boolean) | undefined;
}

/** From this many nodes on, a tree is suspected of having no end. */
const suspiciousCount = 20_000;

/**
 * Takes a tree apart.
 *
 * @param tree  Any value; what is no node is a leaf.
 * @returns The leaves in order (keys of plain objects are sorted, all else is in its own order), and the
 *   structure that `unflatten` needs to build the tree again.
 * @throws ERR_TREE if the tree contains itself, naming both places, or has no end.
 * @example
 * const [leaves, structure] = tree.flatten({ b: [1, 2], a: 3 }); // leaves: [3, 1, 2]
 * @see jax.tree.flatten. Difference: `null` and `undefined` are two different empty nodes.
 */
export function flatten(tree: unknown, options: TreeOptions = {}): [leaves: unknown[], structure: Structure] {
  const { isLeaf } = options;
  const leaves: unknown[] = [];
  const kinds: (NodeKind | null)[] = [];
  const counts: number[] = [];
  const fixed: unknown[] = [];
  const stack: unknown[] = [tree];
  let limit = suspiciousCount;
  while (stack.length > 0) {
    const value = stack.pop();
    const kind = isLeaf?.(value) === true ? undefined : kindOf(value);
    if (kind === undefined) {
      leaves.push(value);
      kinds.push(null);
      counts.push(0);
      fixed.push(undefined);
    } else {
      const before = stack.length;
      kinds.push(kind);
      fixed.push(kind.open(value, stack));
      counts.push(stack.length - before);
      if (kinds.length > limit) {
        refuseCycles(tree, isLeaf);
        limit = Infinity;
      }
    }
  }
  return [leaves, new Structure(kinds, counts, fixed, leaves.length)];
}

/**
 * Builds a tree from its structure and leaves. No constructor of a module runs.
 *
 * @throws ERR_TREE if there are too few or too many leaves.
 * @see jax.tree.unflatten.
 */
export function unflatten(structure: Structure, leaves: Iterable<unknown>): unknown {
  const values = Array.isArray(leaves) ? (leaves as readonly unknown[]) : [...leaves];
  if (values.length !== structure.leafCount) {
    throw new TreeError(
      `tree.unflatten: expected ${structure.leafCount} leaves, got ${values.length}, for ${shortened(structure.toString())}.`,
      { op: 'tree.unflatten' },
    );
  }
  const { _kinds: kinds, _counts: counts, _fixed: fixed } = structure;
  const stack: unknown[] = [];
  let next = values.length;
  for (let i = kinds.length - 1; i >= 0; i--) {
    const kind = kinds[i] as NodeKind | null;
    stack.push(kind === null ? values[--next] : kind.close(fixed[i], stack, counts[i]!));
  }
  return stack[0];
}

function shortened(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}...`;
}

/**
 * The leaves of a tree, in order.
 *
 * @see jax.tree.leaves.
 */
export function leaves(tree: unknown, options?: TreeOptions): unknown[] {
  return flatten(tree, options)[0];
}

/**
 * The structure of a tree.
 *
 * @see jax.tree.structure.
 */
export function structure(tree: unknown, options?: TreeOptions): Structure {
  return flatten(tree, options)[1];
}

/**
 * As `flatten`, with the path to each leaf.
 *
 * @see jax.tree.flatten_with_path.
 */
export function flattenWithPath(
  tree: unknown,
  options?: TreeOptions,
): [leaves: [path: Path, leaf: unknown][], structure: Structure] {
  const [values, shape] = flatten(tree, options);
  return [leafPaths(shape).map((path, i) => [path, values[i]]), shape];
}

/**
 * The leaves of a tree, in order, each with its path.
 *
 * @see jax.tree.leaves_with_path.
 */
export function leavesWithPath(tree: unknown, options?: TreeOptions): [path: Path, leaf: unknown][] {
  return flattenWithPath(tree, options)[0];
}

/**
 * The parts of `tree` that stand where `prefix` has its leaves. `tree` must have every node of `prefix`; below
 * a leaf of `prefix` it may have anything.
 *
 * @throws ERR_TREE naming the first path at which the two differ, and both kinds.
 */
export function flattenUpTo(prefix: Structure, tree: unknown, op: string): unknown[] {
  const { _kinds: kinds, _counts: counts, _fixed: fixed } = prefix;
  const parts: unknown[] = [];
  const stack: unknown[] = [tree];
  for (let i = 0; i < kinds.length; i++) {
    const kind = kinds[i] as NodeKind | null;
    const value = stack.pop();
    if (kind === null) {
      parts.push(value);
      continue;
    }
    const other = kindOf(value);
    // Trees that came apart differently (`partition`, `JSON`) may hold null for undefined: both are empty.
    if (value == null && (kind.label === 'null' || kind.label === 'undefined')) continue;
    if (other !== kind) throw mismatch(prefix, i, value, op);
    const before = stack.length;
    const otherFixed = kind.open(value, stack);
    if (stack.length - before !== counts[i] || !kind.sameFixed(fixed[i], otherFixed)) {
      throw mismatch(prefix, i, value, op);
    }
  }
  return parts;
}

function mismatch(prefix: Structure, entry: number, value: unknown, op: string): TreeError {
  const kind = prefix._kinds[entry]!;
  const fixed = prefix._fixed[entry];
  const expected = kind.describe(fixed, prefix._counts[entry]!);
  return new TreeError(
    `${op}: expected ${expected}, got ${describe(value)}${atPath(entryPath(prefix, entry))}` +
      `${keyDifference(kind, fixed, value)}. ` +
      'The first tree must be a prefix of the others: where it has a node, they need the same node.',
    { op },
  );
}

/** Which keys differ, where two nodes have too many to see it from them. */
function keyDifference(kind: NodeKind, fixed: unknown, value: unknown): string {
  if (kindOf(value) !== kind || (kind.label !== 'object' && kind.label !== 'Map')) return '';
  const ours = fixed as readonly unknown[];
  const theirs = kind.open(value, []) as readonly unknown[];
  const missing = ours.filter((key) => !theirs.includes(key));
  const extra = theirs.filter((key) => !ours.includes(key));
  if (missing.length + extra.length > 0 && ours.length + theirs.length < 6) return '';
  const list = (keys: readonly unknown[]): string =>
    keys
      .slice(0, 5)
      .map((key) => printValue(key))
      .join(', ') + (keys.length > 5 ? ', ...' : '');
  const parts: string[] = [];
  if (missing.length > 0) parts.push(`without ${list(missing)}`);
  if (extra.length > 0) parts.push(`with ${list(extra)}`);
  if (parts.length === 0) parts.push('the same keys in another order');
  return ` (${parts.join(' and ')})`;
}
