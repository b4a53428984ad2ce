import { ArgumentError, TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { native } from '../native';
import * as ops from '../ops';
import { callNamed } from '../ops/call';
import { Tensor } from '../tensor/tensor';
import { flatten, flattenWithPath, keystr, unflatten } from '../tree';
import { describeValue } from './describe';

/** The name of an axis that a vmap around the call has, or several. */
export type AxisName = string | readonly string[];

/** The names as a list, after a check that each is bound. */
function boundAxes(op: string, axisName: AxisName): { readonly name: string; readonly size: number }[] {
  const names: readonly unknown[] = Array.isArray(axisName) ? axisName : [axisName];
  const bound = native().namedAxes();
  return names.map((name, i) => {
    if (typeof name !== 'string') {
      throw new ArgumentError(
        `${op}: expected \`axisName\` to be a string or an array of strings, got ${describeValue(name)}.`,
        { op },
      );
    }
    if (names.indexOf(name) !== i) {
      throw new ArgumentError(`${op}: expected each axis once, got "${name}" twice.`, { op });
    }
    const axis = bound.findLast((one) => one.name === name);
    if (axis !== undefined) return axis;
    const others =
      bound.length === 0 ? 'no axis has a name' : `bound: ${bound.map((one) => `"${one.name}"`).join(', ')}`;
    throw new TransformError(
      `${op}: expected the name of an axis that a vmap around it has, got "${name}" (${others}). Pass { axisName: "${name}" } to vmap.`,
      { op },
    );
  });
}

type Reduction = 'psum' | 'pmean' | 'pmax' | 'pmin';

function reduce<T>(op: Reduction, x: T, axisName: AxisName): T {
  const axes = boundAxes(op, axisName);
  const [entries, structure] = flattenWithPath(x);
  const reduced = entries.map(([path, leaf]) => {
    if (leaf instanceof Tensor) {
      return axes.reduce((value, { name }) => callNamed(`equinode::${op}`, value, name) as Tensor, leaf);
    }
    if (typeof leaf === 'number')
      return op === 'psum' ? axes.reduce((sum, { size }) => sum * size, leaf) : leaf;
    throw new ArgumentError(
      `${op}: expected tensors and numbers, got ${describeValue(leaf)}${path.length > 0 ? ` at ${keystr(path)}` : ''}.`,
      { op },
    );
  });
  return unflatten(structure, reduced) as T;
}

/**
 * The sum over a named axis of `vmap`.
 *
 * @param x  a tensor (a tree of them); numbers are the same for the whole batch.
 * @param axisName  the name that a vmap around gave as `axisName`, or several, to sum over all of them.
 * @returns the shape of `x`; the same for the whole batch, so that a result of `outAxes: null` may depend on it. What is
 *   not mapped along the axis is multiplied by the axis' size: `psum(1, name)` is that size.
 * @throws ERR_TRANSFORM if no vmap around has the name; ERR_ARGUMENT if a leaf is no tensor and no number.
 * @example
 * vmap((x: Tensor) => x.div(psum(x, 'batch')), { axisName: 'batch' })(tensor([1, 3])); // [0.25, 0.75]
 * @see jax.lax.psum.
 */
export function psum<T>(x: T, axisName: AxisName): T {
  return reduce('psum', x, axisName);
}

/**
 * The mean over a named axis of `vmap`, as `psum` is the sum. What is not mapped along the axis stays as it is. Integers
 * become floats.
 *
 * @see jax.lax.pmean.
 */
export function pmean<T>(x: T, axisName: AxisName): T {
  return reduce('pmean', x, axisName);
}

/**
 * The largest value along a named axis of `vmap`, element by element, as `psum` is the sum.
 *
 * @see jax.lax.pmax. Difference: it can be differentiated; the gradient is shared by all that attain the maximum.
 */
export function pmax<T>(x: T, axisName: AxisName): T {
  return reduce('pmax', x, axisName);
}

/**
 * The smallest value along a named axis of `vmap`, element by element, as `psum` is the sum.
 *
 * @see jax.lax.pmin. Difference: it can be differentiated; the gradient is shared by all that attain the minimum.
 */
export function pmin<T>(x: T, axisName: AxisName): T {
  return reduce('pmin', x, axisName);
}

export interface AllGatherOptions {
  /** Where the axis of the batch goes in the result. Default 0. */
  readonly axis?: number | undefined;
  /** Whether the batch is joined to the axis that stands there, instead of being a new one. Default false. */
  readonly tiled?: boolean | undefined;
}

/**
 * The values of the whole batch along a named axis of `vmap`: each sees all.
 *
 * @param x  a tensor (a tree of them).
 * @param axisName  the name that a vmap around gave as `axisName`; with several, the first varies slowest.
 * @returns `[...shape before axis, size, ...shape after]`, the same for the whole batch.
 * @throws ERR_TRANSFORM if no vmap around has the name; ERR_ARGUMENT if a leaf is no tensor, or has no such axis.
 * @see jax.lax.all_gather.
 */
export function allGather<T>(x: T, axisName: AxisName, options: AllGatherOptions = {}): T {
  requireOptions(options, ['axis', 'tiled'], 'allGather');
  const { axis = 0, tiled = false } = options;
  const axes = boundAxes('allGather', axisName);
  const [leaves, structure] = flatten(x);
  const gathered = leaves.map((leaf) => {
    if (!(leaf instanceof Tensor)) {
      throw new ArgumentError(`allGather: expected tensors, got ${describeValue(leaf)}.`, {
        op: 'allGather',
      });
    }
    const rank = tiled ? leaf.ndim : leaf.ndim + 1;
    const at = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(axis) || at < 0 || at >= rank) {
      throw new ArgumentError(
        `allGather: expected an axis between ${-rank} and ${rank - 1} for ${describeValue(leaf)}, got ${axis}.`,
        { op: 'allGather' },
      );
    }
    const whole = axes.reduceRight(
      (value, { name }) => callNamed('equinode::all_gather', value, name, at) as Tensor,
      leaf,
    );
    const last = at + axes.length - 1 + (tiled ? 1 : 0);
    return last === at ? whole : ops.flatten(whole, at, last);
  });
  return unflatten(structure, gathered) as T;
}

/**
 * The index along a named axis of `vmap`: 0 for the first of the batch, 1 for the next.
 *
 * @param axisName  the name that a vmap around gave as `axisName`; with several, the first varies slowest.
 * @returns int64[].
 * @throws ERR_TRANSFORM if no vmap around has the name.
 * @see jax.lax.axis_index. Difference: int64.
 */
export function axisIndex(axisName: AxisName): Tensor {
  const [first, ...rest] = boundAxes('axisIndex', axisName);
  if (first === undefined) {
    throw new ArgumentError('axisIndex: expected the name of an axis, got an empty list.', {
      op: 'axisIndex',
    });
  }
  const along = (name: string): Tensor => callNamed('equinode::axis_index', name) as Tensor;
  return rest.reduce((index, { name, size }) => index.mul(size).add(along(name)), along(first.name));
}
