import { ArgumentError, ShapeError, TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, markRawTransform, type Callable } from '../module';
import { native } from '../native';
import { tensor } from '../tensor/create';
import { adopt } from '../tensor/lifetime';
import { handleOf, Tensor } from '../tensor/tensor';
import { refusePromise, tensorsIn } from '../tensor/tidy';
import { flatten, flattenUpTo, flattenWithPath, keystr, unflatten } from '../tree';
import { describeValue } from './describe';
import { ifArray, type AxisRule } from './if-array';
import { withLevel } from './levels';
import { requireLive } from './live';
import { wrapFunction } from './wrapped-function';

/** An axis, null for "not mapped", a rule, or a tree of these that is a prefix of what it is for. */
export type AxisSpec = number | null | AxisRule | readonly AxisSpec[] | { readonly [key: string]: AxisSpec };

export interface VmapOptions {
  /** The axis of each leaf that is mapped; one for all arguments, or an array with one for each. */
  readonly inAxes?: AxisSpec | undefined;
  /** Where the mapped axis goes in each result. */
  readonly outAxes?: AxisSpec | undefined;
  /** The size of the mapped axis, needed only where no argument is mapped. */
  readonly axisSize?: number | undefined;
  /** A name for the mapped axis, by which `pmean` and its kin reduce over it inside. */
  readonly axisName?: string | undefined;
}

const optionNames = ['inAxes', 'outAxes', 'axisSize', 'axisName'];

interface MappedLeaf {
  readonly value: unknown;
  readonly axis: number | null;
}

interface Mapping {
  readonly inAxes: AxisSpec;
  readonly outAxes: AxisSpec;
  readonly axisSize: number | undefined;
  readonly axisName: string | undefined;
}

function isAxisLeaf(value: unknown): boolean {
  return value === null || typeof value === 'number' || typeof value === 'function';
}

/** The axis of every leaf of a tree, from a spec that is a prefix of it. */
function axesOf(name: string, option: string, spec: AxisSpec, value: unknown): (number | null)[] {
  const [rules, structure] = flatten(spec, { isLeaf: isAxisLeaf });
  const axes: (number | null)[] = [];
  flattenUpTo(structure, value, `${name}: ${option}`).forEach((part, i) => {
    const rule = rules[i];
    for (const leaf of flatten(part)[0]) {
      const axis: unknown = typeof rule === 'function' ? (rule as AxisRule)(leaf) : rule;
      if (axis !== null && (typeof axis !== 'number' || !Number.isInteger(axis))) {
        throw new ArgumentError(
          `${name}: expected \`${option}\` to hold integers, nulls and rules that give these, got ${describeValue(axis)}.`,
          { op: name },
        );
      }
      axes.push(axis);
    }
  });
  return axes;
}

/** The size of the mapped axis, which all mapped leaves must share. */
function sizeOf(
  name: string,
  leaves: readonly (MappedLeaf & { readonly path: string })[],
  given: number | undefined,
): number | undefined {
  let size = given;
  let from = given === undefined ? '' : '`axisSize`';
  for (const { value, axis, path } of leaves) {
    if (axis === null) continue;
    if (!(value instanceof Tensor)) {
      throw new TransformError(
        `${name}: expected a tensor to map over axis ${axis}, got ${describeValue(value)} at ${path}. Give it the axis null.`,
        { op: name },
      );
    }
    const length = value.shape.at(axis);
    if (length === undefined || axis >= value.ndim || axis < -value.ndim) {
      throw new ShapeError(
        `${name}: expected a tensor with an axis ${axis} to map over, got ${describeValue(value)} at ${path}.`,
        { op: name },
      );
    }
    if (size === undefined) {
      size = length;
      from = path;
    } else if (size !== length) {
      throw new ShapeError(
        `${name}: expected one size for the mapped axis, got ${size} from ${from} and ${length} from ${path} (${describeValue(value)}, axis ${axis}).`,
        { op: name },
      );
    }
  }
  return size;
}

function mapOver(
  name: string,
  fn: Callable,
  args: readonly unknown[],
  { inAxes, outAxes, axisSize, axisName }: Mapping,
): unknown {
  if (axisName !== undefined && (typeof axisName !== 'string' || axisName === '')) {
    throw new ArgumentError(
      `${name}: expected \`axisName\` to be a string that is not empty, got ${describeValue(axisName)}.`,
      { op: name },
    );
  }
  if (axisSize !== undefined && (!Number.isInteger(axisSize) || axisSize < 0)) {
    throw new ArgumentError(
      `${name}: expected \`axisSize\` to be an integer of at least 0, got ${axisSize}.`,
      {
        op: name,
      },
    );
  }
  const [entries, structure] = flattenWithPath(args);
  requireLive(name, flatten(args)[0]);
  const axes = axesOf(name, 'inAxes', inAxes, args);
  const leaves = entries.map(([path, value], i) => ({
    value,
    axis: axes[i] ?? null,
    path: `argument ${keystr(path)}`,
  }));
  const size = sizeOf(name, leaves, axisSize);
  if (size === undefined) return runUnmapped(name, fn, args, outAxes);

  return withLevel(
    name,
    () => native().pushVmap(size, axisName),
    (level) => {
      const inside = leaves.map(({ value, axis }) =>
        axis !== null && value instanceof Tensor
          ? adopt(native().batch(handleOf(value, name), axis, level))
          : value,
      );
      const result: unknown = call(fn as Callable<unknown[]>, ...(unflatten(structure, inside) as unknown[]));
      refusePromise(result, name);
      const outside = unmap(name, result, outAxes, level, size);
      return [outside, tensorsIn(outside)];
    },
  );
}

/** Makes the mapped axis of every result visible where `outAxes` says. */
function unmap(name: string, result: unknown, outAxes: AxisSpec, level: number, size: number): unknown {
  const axes = axesOf(name, 'outAxes', outAxes, result);
  const [entries, structure] = flattenWithPath(result);
  const outside = entries.map(([path, leaf], i) => {
    const axis = axes[i] ?? null;
    if (axis === null) {
      if (leaf instanceof Tensor && native().isBatched(handleOf(leaf, name), level)) {
        throw new TransformError(
          `${name}: expected a result that is the same for the whole batch because its out-axis is null, got a mapped ` +
            `${describeValue(leaf)}${path.length > 0 ? ` at ${keystr(path)}` : ''}. Give it an axis in \`outAxes\`.`,
          { op: name },
        );
      }
      return leaf;
    }
    const value =
      leaf instanceof Tensor
        ? leaf
        : typeof leaf === 'number' || typeof leaf === 'boolean' || typeof leaf === 'bigint'
          ? tensor(leaf)
          : undefined;
    if (value === undefined) {
      throw new TransformError(
        `${name}: expected a tensor or number for the out-axis ${axis}, got ${describeValue(leaf)}. Use ifArray(${axis}) or null.`,
        { op: name },
      );
    }
    if (axis > value.ndim || axis < -value.ndim - 1) {
      throw new ShapeError(
        `${name}: expected an out-axis between ${-value.ndim - 1} and ${value.ndim} for ${describeValue(value)}, got ${axis}.`,
        { op: name },
      );
    }
    return adopt(native().unbatch(handleOf(value, name), level, axis, size));
  });
  return unflatten(structure, outside);
}

/** Nothing is mapped: the function runs as it is, and no result can get a mapped axis. */
function runUnmapped(name: string, fn: Callable, args: readonly unknown[], outAxes: AxisSpec): unknown {
  const result: unknown = call(fn as Callable<unknown[]>, ...args);
  refusePromise(result, name);
  if (axesOf(name, 'outAxes', outAxes, result).some((axis) => axis !== null)) {
    throw new ArgumentError(
      `${name}: expected a mapped argument or \`axisSize\`, got neither, so the size of the mapped axis is unknown.`,
      { op: name },
    );
  }
  return result;
}

/**
 * Maps a function over an axis of its arguments, which it then does not see: the batch is computed at once.
 * Only operators that libtorch has no batching rule for run once for each of the batch.
 *
 * @param fn  a function or module that takes and returns tensors (trees of them).
 * @param options  `inAxes` (default 0: every leaf is a tensor, mapped over its first axis), `outAxes` (default 0).
 * @returns a function of the same arguments with an axis more, whose results have an axis more.
 * @throws ERR_SHAPE if sizes of the mapped axis differ (naming both leaves), or an axis does not exist;
 *   ERR_TRANSFORM if a leaf to be mapped is no tensor, a result without out-axis is mapped, a random operator of
 *   libtorch or an operator without a batching rule runs inside; ERR_CONCRETISATION if a value is read inside.
 * @example
 * vmap((x: Tensor, w: Tensor) => x.dot(w), { inAxes: [0, null] })(xs, w);
 * @see jax.vmap.
 */
export function vmap<A extends unknown[], R>(
  fn: Callable<A, R>,
  options: VmapOptions = {},
): (...args: A) => R {
  requireOptions(options, optionNames, 'vmap');
  const { inAxes = 0, outAxes = 0, axisSize, axisName } = options;
  const mapped = (...args: A): R => mapOver('vmap', fn, args, { inAxes, outAxes, axisSize, axisName }) as R;
  return markRawTransform(mapped, 'vmap', fn);
}

/**
 * As `vmap`, for any trees: by default every tensor is mapped over its first axis and all else is passed as it is.
 * The function itself, if it is a module, is never mapped.
 *
 * @see equinox.filter_vmap. Differences: `inAxes` by the names of arguments does not exist, since JavaScript's
 *   functions do not tell them.
 */
export function filterVmap<A extends unknown[], R>(
  fn: Callable<A, R>,
  options: VmapOptions = {},
): (...args: A) => R {
  requireOptions(options, optionNames, 'filterVmap');
  const { inAxes = ifArray(0), outAxes = ifArray(0), axisSize, axisName } = options;
  const mapped = (...args: A): R =>
    mapOver('filterVmap', fn, args, { inAxes, outAxes, axisSize, axisName }) as R;
  return wrapFunction(mapped, fn as Callable, filterVmap, options);
}
