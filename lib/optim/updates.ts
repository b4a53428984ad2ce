import { ArgumentError, DisposedError, DtypeError, ShapeError, TreeError } from '../base/errors';
import { isInexactArray } from '../filter';
import { full, fullLike, zeros, zerosLike } from '../ops';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
import { tidy } from '../tensor/tidy';
import type { DType } from '../base/dtype';
import {
  atPath,
  describe,
  flatten,
  flattenUpTo,
  leafPaths,
  leaves,
  leavesWithPath,
  map,
  unflatten,
  type Structure,
} from '../tree';
import { scalarLike, type Scalar } from './scalar';

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

  /**
   * @throws ERR_ARGUMENT, with the path, for a leaf that is neither a tensor nor missing; ERR_DTYPE for one that has no
   *   gradients; ERR_DISPOSED for one that is gone.
   */
  constructor(updates: T, op: string, options: { readonly allowsIntegers?: boolean } = {}) {
    this.op = op;
    [this.items, this.structure] = flatten(updates, { isLeaf: isMissing });
    this.items.forEach((item, i) => {
      if (isMissing(item)) return;
      if (item instanceof Tensor) {
        handleOf(item, op);
        const { dtype } = item;
        if (isInexactArray(item) || options.allowsIntegers === true) return;
        throw new DtypeError(
          `${op}: expected updates of a floating-point or complex dtype, got ${dtype}${this.at(i)}. ` +
            'Use filterGrad, or null where there is none.',
          { op },
        );
      }
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
   * @throws ERR_TREE, ERR_SHAPE, with the path, before `f` runs, if one has none, or of another shape.
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
    return this.mapParts(f as (update: Tensor, ...others: unknown[]) => readonly unknown[], {}, others);
  }

  /**
   * As `mapToSeveral`, with trees that have something else than a tensor of the update's shape where there is one.
   *
   * @param free  These trees, whose parts come before those of `others`, unchecked.
   */
  mapParts(
    f: (update: Tensor, ...parts: unknown[]) => readonly unknown[],
    free: Readonly<Record<string, unknown>>,
    others: Readonly<Record<string, unknown>> = {},
  ): unknown[] {
    const freeColumns = Object.values(free).map((t) => flattenUpTo(this.structure, t, this.op));
    const columns = Object.entries(others).map(([name, t]) => {
      const parts = flattenUpTo(this.structure, t, this.op);
      this.items.forEach((item, i) => {
        if (item instanceof Tensor) this.requireLike(item, parts[i], name, i);
      });
      return parts;
    });
    const all = [...freeColumns, ...columns];
    // What is computed on the way is released leaf by leaf, so that there is never a copy of the whole model of it.
    const rows = this.items.map((item, i) =>
      item instanceof Tensor ? tidy(() => f(item, ...all.map((column) => column[i]))) : item,
    );
    const count = rows.find((row): row is readonly unknown[] => Array.isArray(row))?.length ?? 1;
    return Array.from({ length: count }, (_, c) =>
      unflatten(
        this.structure,
        rows.map((row) => (isMissing(row) ? row : (row as readonly unknown[])[c])),
      ),
    );
  }

  /** The same tree with other tensors in the place of those of `tensors`. */
  withTensors(tensors: readonly Tensor[]): T {
    let next = 0;
    const items = this.items.map((item) => (item instanceof Tensor ? tensors[next++] : item));
    return unflatten(this.structure, items) as T;
  }

  /**
   * Checks parts of a state that have other shapes than the updates.
   *
   * @param shapesOf  The shape of the part of an update; an array of shapes where the part is an array of tensors.
   * @throws ERR_TREE, ERR_SHAPE, with the path.
   */
  requireParts(name: string, t: unknown, shapesOf: (update: Tensor) => Shape | readonly Shape[]): void {
    flattenUpTo(this.structure, t, this.op).forEach((part, i) => {
      const update = this.items[i];
      if (!(update instanceof Tensor)) return;
      const shapes = shapesOf(update);
      if (!isShapes(shapes)) {
        this.requireShape(shapes, part, name, i, 'the shape');
        return;
      }
      if (!Array.isArray(part) || part.length !== shapes.length) {
        throw new TreeError(
          `${this.op}: expected ${shapes.length} tensors in ${name}, got ${describe(part)}${this.at(i)}. ${initAgain}`,
          { op: this.op },
        );
      }
      shapes.forEach((shape, n) => {
        this.requireShape(shape, (part as readonly unknown[])[n], name, i, 'the shape');
      });
    });
  }

  private requireLike(update: Tensor, value: unknown, name: string, i: number): void {
    this.requireShape(update.shape, value, name, i, "the update's shape");
  }

  private requireShape(shape: Shape, value: unknown, name: string, i: number, what: string): void {
    if (!(value instanceof Tensor)) {
      throw new TreeError(
        `${this.op}: expected a tensor in ${name} for each update, got ${describe(value)}${this.at(i)}. ${initAgain}`,
        { op: this.op },
      );
    }
    if (value.isDisposed) {
      throw new DisposedError(
        `${this.op}: expected live tensors in ${name}, got a disposed one${this.at(i)}.`,
        {
          op: this.op,
        },
      );
    }
    if (value.ndim === shape.length && value.shape.every((size, axis) => size === shape[axis])) return;
    throw new ShapeError(
      `${this.op}: expected ${name} of ${what} [${shape.join()}], got [${value.shape.join()}]${this.at(i)}. ${initAgain}`,
      { op: this.op },
    );
  }

  private at(i: number): string {
    return atPath(leafPaths(this.structure)[i] ?? []);
  }
}

type Shape = readonly number[];

function isShapes(shapes: Shape | readonly Shape[]): shapes is readonly Shape[] {
  return Array.isArray(shapes[0]);
}

const initAgain = 'Make the state with init from the same parameters.';

function isMissing(value: unknown): boolean {
  return value === null || value === undefined;
}

/** Zeros in the shape of every parameter; null for leaves that have no gradient. */
export function zerosFor(params: unknown, dtype?: DType): unknown {
  return madeFor(params, (leaf) => zerosLike(leaf, { dtype: dtype ?? null }));
}

/** A number in the shape of every parameter. */
export function fullFor(params: unknown, value: Scalar): unknown {
  if (typeof value === 'number') return madeFor(params, (leaf) => fullLike(leaf, value));
  return madeFor(params, (leaf) => scalarLike(value, leaf).expand(leaf.shape).clone());
}

/** What `make` gives for every parameter; null for leaves that have no gradient. */
export function madeFor(params: unknown, make: (param: Tensor) => unknown): unknown {
  requireLive(params);
  return map((leaf: unknown): unknown => (isInexactArray(leaf) ? make(leaf) : null), params);
}

/** The count of steps before the first one, int32[], where the parameters are. */
export function countFor(params: unknown): Tensor {
  return zeros([], { dtype: 'int32', device: deviceOf(params) });
}

/** A boolean of no axes, where the parameters are. */
export function flagFor(params: unknown, value: boolean): Tensor {
  return full([], value ? 1 : 0, { dtype: 'bool', device: deviceOf(params) });
}

/** A float32 number of no axes, where the parameters are. */
export function numberFor(params: unknown, value: number): Tensor {
  return full([], value, { dtype: 'float32', device: deviceOf(params) });
}

export function deviceOf(params: unknown): string {
  requireLive(params);
  return leaves(params).find(isInexactArray)?.device ?? 'cpu';
}

/** @throws ERR_DISPOSED, with the path, for a parameter that is gone. */
export function requireLive(params: unknown): void {
  const gone = (leaf: unknown): boolean => leaf instanceof Tensor && leaf.isDisposed;
  if (!leaves(params).some(gone)) return;
  const [path] = leavesWithPath(params).find(([, leaf]) => gone(leaf)) ?? [[]];
  throw new DisposedError(`init: expected live parameters, got a disposed one${atPath(path)}.`, {
    op: 'init',
  });
}

/** The next count; it stays at the largest int32. */
export function increment(count: Tensor): Tensor {
  return count.clampMax(2 ** 31 - 2).add(1);
}
