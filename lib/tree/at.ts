import { ArgumentError, TreeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { flatten, unflatten, type TreeOptions } from './flatten';
import { map } from './map';
import { printValue } from './path';
import { describe } from './registry';
import { isPlainObject } from './static-value';

/** Computes the new node from the old one. */
export interface ReplaceFn {
  readonly replaceFn: (node: never) => unknown;
}

/** Gives every leaf an identity of its own, which primitives lack. */
class Wrapped {
  readonly leaf: unknown;

  constructor(leaf: unknown) {
    this.leaf = leaf;
  }
}

/**
 * A copy of a tree in which some nodes or leaves are replaced.
 *
 * @param where  Gets the tree and returns the node to replace, or an array of nodes. It must pick them by their
 *   place only: it is called on copies of the tree whose leaves are hidden. What it returns counts as one node if
 *   it is a node of the tree (`(m) => m.layers`), and as an array of nodes otherwise (`(m) => [m.a, m.b]`).
 * @param t  The tree; it stays as it is.
 * @param replace  The new node, or an array of as many as `where` returns; or an object with nothing but
 *   `replaceFn`, which computes each new node from the old one.
 * @param options  With `isLeaf: (x) => x === null` places that hold null can be replaced, too.
 * @returns The copy. No constructor, converter or check runs for it.
 * @throws ERR_ARGUMENT if `where` is no function, there is no replacement, or for an unknown option; ERR_TREE if it depends on leaves, returns something that is not in
 *   the tree (a static field, a misspelt name), or that is in it more than once, and if `replace` does not fit what
 *   `where` returns.
 * @example
 * const frozen = treeAt((m) => m.layers[0].weight, model, zeros([8, 2]));
 * const both = treeAt((m) => [m.a, m.b], model, { replaceFn: (x: Tensor) => x.mul(2) });
 * @see equinox.tree_at.
 */
export function treeAt<T>(where: (tree: T) => unknown, t: T, replace: unknown, options: TreeOptions = {}): T {
  if (typeof where !== 'function') {
    throw new ArgumentError(
      `treeAt: expected \`where\` to be a function, got ${describe(where)}. Write \`treeAt((m) => m.weight, model, ...)\`.`,
      { op: 'treeAt' },
    );
  }
  requireOptions(options, ['isLeaf'], 'treeAt');
  if (replace === undefined) {
    throw new ArgumentError(
      'treeAt: expected a replacement or `{ replaceFn }`, got undefined. Pass null where nothing is to stand.',
      { op: 'treeAt' },
    );
  }
  const [leaves, structure] = flatten(t, options);
  const plain = where(unflatten(structure, leaves) as T);
  const hidden = unflatten(
    structure,
    leaves.map((leaf) => new Wrapped(leaf)),
  );
  const chosen = chooseHidden(where, hidden as T);
  const isSingle = isNodeOf(chosen, hidden);
  if (!isSingle && Array.isArray(chosen) && Array.isArray(plain) && chosen.length === plain.length) {
    // One by one: `isLeaf` may hold for arrays, but the one around the nodes is no part of the tree.
    chosen.forEach((node, i) => {
      refuseOtherChoice(plain[i], node, options);
    });
  } else {
    refuseOtherChoice(plain, chosen, options);
  }

  const nodes = isSingle ? [chosen] : sequence(chosen);
  const replacements = replacementsFor(nodes, isSingle, replace);

  const hits = new Map<unknown, number>(nodes.map((node) => [node, 0]));
  if (hits.size < nodes.length) throw foundTwice();
  const indexOf = new Map<unknown, number>(nodes.map((node, i) => [node, i]));
  const [parts, outline] = flatten(hidden, { isLeaf: (node) => hits.has(node) });
  const results = parts.map((part) => {
    const index = indexOf.get(part);
    if (index === undefined) return unwrap(part);
    hits.set(part, (hits.get(part) ?? 0) + 1);
    return replacements[index];
  });
  for (const [node, count] of hits) {
    if (count === 0) throw notInTree(node);
    if (count > 1) throw foundTwice();
  }
  return unflatten(outline, results) as T;
}

function chooseHidden<T>(where: (tree: T) => unknown, hidden: T): unknown {
  try {
    return where(hidden);
  } catch (cause) {
    throw dependsOnLeaves(cause);
  }
}

/** @throws ERR_TREE unless `where` chose the same places in the tree and in its copy with hidden leaves. */
function refuseOtherChoice(plain: unknown, hidden: unknown, options: TreeOptions): void {
  const [plainLeaves, plainStructure] = flatten(plain, options);
  const [hiddenLeaves, hiddenStructure] = flatten(hidden);
  if (!plainStructure.equals(hiddenStructure)) throw dependsOnLeaves();
  plainLeaves.forEach((leaf, i) => {
    const other = hiddenLeaves[i];
    if (other instanceof Wrapped && Object.is(other.leaf, leaf)) return;
    // Not hidden, so it was never a leaf of the copy.
    throw Object.is(other, leaf) ? noLeaf(leaf) : dependsOnLeaves();
  });
}

function isNodeOf(node: unknown, tree: unknown): boolean {
  let found = false;
  flatten(tree, {
    isLeaf: (other) => {
      found ||= other === node;
      return found;
    },
  });
  return found;
}

function sequence(nodes: unknown): readonly unknown[] {
  if (Array.isArray(nodes)) return nodes as readonly unknown[];
  throw notInTree(nodes);
}

function replacementsFor(nodes: readonly unknown[], isSingle: boolean, replace: unknown): readonly unknown[] {
  if (isReplaceFn(replace)) {
    const { replaceFn } = replace;
    return nodes.map((node) => (replaceFn as (node: unknown) => unknown)(map(unwrap, node)));
  }
  if (isSingle) return [replace];
  if (!Array.isArray(replace)) {
    throw new TreeError(
      `treeAt: expected an array of ${nodes.length} replacements, because \`where\` returns an array, got ${describe(replace)}.`,
      { op: 'treeAt' },
    );
  }
  if (replace.length !== nodes.length) {
    throw new TreeError(
      `treeAt: expected ${nodes.length} replacements, one for each node that \`where\` returns, got ${replace.length}.`,
      { op: 'treeAt' },
    );
  }
  return replace;
}

function isReplaceFn(value: unknown): value is ReplaceFn {
  if (!isPlainObject(value) || Object.keys(value).length !== 1) return false;
  return typeof (value as { replaceFn?: unknown }).replaceFn === 'function';
}

function unwrap(leaf: unknown): unknown {
  return leaf instanceof Wrapped ? leaf.leaf : leaf;
}

function dependsOnLeaves(cause?: unknown): TreeError {
  return new TreeError(
    'treeAt: expected `where` to pick nodes by their place in the tree, got one whose result depends on the leaves. ' +
      'Return nodes of its argument, as in `(m) => m.layers[0].weight`.',
    { op: 'treeAt', cause },
  );
}

function noLeaf(value: unknown): TreeError {
  return new TreeError(
    `treeAt: expected \`where\` to return nodes of the tree, got ${printValue(value)}, which is no leaf of it. ` +
      'Static fields, methods and constants are not; a module with another static field is made by its constructor.',
    { op: 'treeAt' },
  );
}

function notInTree(node: unknown): TreeError {
  const got = node instanceof Wrapped ? 'a leaf of another tree' : describe(node);
  const hint =
    node === undefined
      ? 'Check that the names in `where` exist.'
      : 'Return nodes of its argument, each at most once and none inside another.';
  return new TreeError(
    `treeAt: expected \`where\` to return a node of the tree, or an array of them, got ${got}, which is not in it. ${hint}`,
    { op: 'treeAt' },
  );
}

function foundTwice(): TreeError {
  return new TreeError(
    'treeAt: expected `where` to return nodes that are in the tree once, got one that is in it more than once. ' +
      'For places that hold null pass `{ isLeaf: (x) => x === null }`.',
    { op: 'treeAt' },
  );
}
