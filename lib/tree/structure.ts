import type { NodeKind } from './kinds';
import type { Path, PathKey } from './path';
import { mix } from './static-value';

/**
 * What remains of a tree without its leaves: the kinds of its nodes, their keys and static values, and where the
 * leaves were. Made by `tree.structure` and `tree.flatten`.
 *
 * @see jax.tree_util.PyTreeDef.
 */
export class Structure {
  /** How many leaves a tree of this structure has. */
  readonly leafCount: number;
  /** @internal The entries in pre-order: the kind of each node, null for a leaf. */
  readonly _kinds: readonly (NodeKind | null)[];
  /** @internal The number of children of each entry. */
  readonly _counts: readonly number[];
  /** @internal The fixed part of each entry. */
  readonly _fixed: readonly unknown[];
  private _hash: number | undefined;

  /** @internal */
  constructor(
    kinds: readonly (NodeKind | null)[],
    counts: readonly number[],
    fixed: readonly unknown[],
    leafCount: number,
  ) {
    this._kinds = kinds;
    this._counts = counts;
    this._fixed = fixed;
    this.leafCount = leafCount;
    this._hash = undefined;
  }

  /** Whether trees of the two structures have the same nodes, keys and static values at the same places. */
  equals(other: Structure): boolean {
    if (this === other) return true;
    const kinds = this._kinds;
    if (kinds.length !== other._kinds.length || this.leafCount !== other.leafCount) return false;
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i] as NodeKind | null;
      if (kind !== other._kinds[i] || this._counts[i] !== other._counts[i]) return false;
      if (kind !== null && !kind.sameFixed(this._fixed[i], other._fixed[i])) return false;
    }
    return true;
  }

  /**
   * A 32-bit integer that is equal for equal structures, for use as the key of a `Map` whose buckets are then
   * searched with `equals`. Static values count as in NOTE [static values].
   */
  get hash(): number {
    return (this._hash ??= this._computeHash());
  }

  /** The structure as it would be written, with `*` for the leaves. */
  toString(): string {
    const parts: string[] = [];
    for (let i = this._kinds.length - 1; i >= 0; i--) {
      const kind = this._kinds[i] as NodeKind | null;
      if (kind === null) {
        parts.push('*');
        continue;
      }
      const children: string[] = [];
      for (let c = this._counts[i]!; c > 0; c--) children.push(parts.pop()!);
      parts.push(kind.print(this._fixed[i], children));
    }
    return `Structure(${parts.join('')})`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  private _computeHash(): number {
    let h = this._kinds.length;
    for (let i = 0; i < this._kinds.length; i++) {
      const kind = this._kinds[i] as NodeKind | null;
      h =
        kind === null
          ? mix(h, 41)
          : mix(mix(mix(h, kind.hash), this._counts[i]!), kind.hashFixed(this._fixed[i]));
    }
    return h;
  }
}

interface Place {
  readonly parent: Place | undefined;
  readonly key: PathKey | undefined;
}

/** Calls `visit` for every entry in pre-order, with a function that gives the path to it. */
export function walkPaths(structure: Structure, visit: (entry: number, path: () => Path) => void): void {
  const places: Place[] = [{ parent: undefined, key: undefined }];
  structure._kinds.forEach((kind, entry) => {
    const place = places.pop()!;
    visit(entry, () => pathOf(place));
    if (kind === null) return;
    const keys = kind.keys(structure._fixed[entry], structure._counts[entry]!);
    for (let i = keys.length - 1; i >= 0; i--) places.push({ parent: place, key: keys[i] });
  });
}

/** The path to one entry of a structure. */
export function entryPath(structure: Structure, wanted: number): Path {
  let found: Path = [];
  walkPaths(structure, (entry, path) => {
    if (entry === wanted) found = path();
  });
  return found;
}

/** The paths to the leaves, in their order. */
export function leafPaths(structure: Structure): Path[] {
  const paths: Path[] = [];
  walkPaths(structure, (entry, path) => {
    if (structure._kinds[entry] === null) paths.push(path());
  });
  return paths;
}

/** For each leaf, the entry of the node that it is a part of; -1 for a leaf that is the whole tree. */
export function leafParents(structure: Structure): number[] {
  const parents: number[] = [];
  // The nodes around an entry, with the number of their parts that are still to come.
  const around: { entry: number; left: number }[] = [];
  structure._kinds.forEach((kind, entry) => {
    while (around.at(-1)?.left === 0) around.pop();
    const parent = around.at(-1);
    if (parent !== undefined) parent.left--;
    if (kind === null) parents.push(parent?.entry ?? -1);
    else around.push({ entry, left: structure._counts[entry]! });
  });
  return parents;
}

function pathOf(place: Place): Path {
  const keys: PathKey[] = [];
  for (let at: Place | undefined = place; at?.key !== undefined; at = at.parent) keys.push(at.key);
  return keys.reverse();
}
