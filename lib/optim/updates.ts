import { ArgumentError, TreeError } from '../base/errors';
import { isInexactArray } from '../filter';
import { zeros, zerosLike } from '../ops';
import { Tensor } from '../tensor/tensor';
import type { DType } from '../base/dtype';
import {
  atPath,
  describe,
  flatten,
  flattenUpTo,
  leafPaths,
  leaves,
  map,
  unflatten,
  type Structure,
} from '../tree';

/**
 * The leaves of a tree of updates, taken apart once for all that is computed from them.
 *
 * NOTE [missing updates]: null and undefined count as leaves here, so that what stands in their place in the
 * parameters may be anything. They stay as they are.
 */
export class Updates<T> {
  private readonly op: string;
  private readonly items: readonly unknown[];
  private readonly structure: Structure;

  /** @throws ERR_ARGUMENT, with the path, for a leaf that is neither a tensor nor missing. */
  constructor(updates: T, op: string) {
    this.op = op;
    [this.items, this.structure] = flatten(updates, { isLeaf: isMissing });
    this.items.forEach((item, i) => {
      if (isMissing(item) || item instanceof Tensor) return;
      throw new ArgumentError(
        `${op}: expected updates to be tensors or null, got ${describe(item)}${this.at(i)}. Use filterGrad, or filter the tree.`,
        { op },
      );
    });
  }

  /** The tensors that are not missing. */
  get tensors(): readonly Tensor[] {
    return this.items.filter((item) => item instanceof Tensor);
  }

  /**
   * Computes a tree from each update and what stands at its place in other trees.
   *
   * @param others  Trees that have a tensor where there is an update, each with a name for errors.
   */
  map(f: (update: Tensor, ...others: Tensor[]) => Tensor, others: Readonly<Record<string, unknown>> = {}): T {
    const [result] = this.mapToSeveral((update, ...rest) => [f(update, ...rest)], others);
    return result as T;
  }

  /** As `map`, for a function that returns one tensor for each of several trees. */
  mapToSeveral(
    f: (update: Tensor, ...others: Tensor[]) => readonly Tensor[],
    others: Readonly<Record<string, unknown>> = {},
  ): unknown[] {
    const names = Object.keys(others);
    const columns = names.map((name) => flattenUpTo(this.structure, others[name], this.op));
    const rows = this.items.map((item, i) => {
      if (!(item instanceof Tensor)) return item;
      return f(item, ...columns.map((column, c) => this.requireTensor(column[i], names[c]!, i)));
    });
    const count = rows.find((row): row is readonly Tensor[] => Array.isArray(row))?.length ?? 1;
    return Array.from({ length: count }, (_, c) =>
      unflatten(
        this.structure,
        rows.map((row) => (isMissing(row) ? row : (row as readonly Tensor[])[c])),
      ),
    );
  }

  private requireTensor(value: unknown, name: string, i: number): Tensor {
    if (value instanceof Tensor) return value;
    throw new TreeError(
      `${this.op}: expected a tensor in ${name} for each update, got ${describe(value)}${this.at(i)}. ` +
        'Make the state with init from the same parameters.',
      { op: this.op },
    );
  }

  private at(i: number): string {
    return atPath(leafPaths(this.structure)[i] ?? []);
  }
}

function isMissing(value: unknown): boolean {
  return value === null || value === undefined;
}

/** Zeros in the shape of every parameter; null for leaves that have no gradient. */
export function zerosFor(params: unknown, dtype?: DType): unknown {
  return map(
    (leaf: unknown): unknown => (isInexactArray(leaf) ? zerosLike(leaf, { dtype: dtype ?? null }) : null),
    params,
  );
}

/** The count of steps before the first one, int32[], where the parameters are. */
export function countFor(params: unknown): Tensor {
  const first = leaves(params).find(isInexactArray);
  return zeros([], { dtype: 'int32', device: first?.device ?? 'cpu' });
}

/** The next count; it stays at the largest int32. */
export function increment(count: Tensor): Tensor {
  return count.clampMax(2 ** 31 - 2).add(1);
}
