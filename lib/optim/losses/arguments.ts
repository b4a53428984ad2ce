import { dtypeInfo } from '../../base/dtype';
import { ArgumentError, DtypeError, EquinodeError, ShapeError } from '../../base/errors';
import { requireOptions } from '../../base/options';
import { full, to, where as choose } from '../../ops';
import { handleOf } from '../../tensor/handle';
import { Tensor } from '../../tensor/tensor';
import { describe } from '../../tree';

/** One axis, several, or null for all. */
export type Axes = number | readonly number[] | null;

export interface ReductionOptions {
  /** The axes over which to add up; the last one unless given, null for all. */
  readonly axis?: Axes | undefined;
  /** Which elements count: bool, of a shape that broadcasts; all unless given. */
  readonly where?: Tensor | undefined;
}

/** The options of a reduction, checked. */
export function reductionOf(
  options: ReductionOptions,
  op: string,
  more: readonly string[] = [],
): { readonly axis: Axes; readonly where: Tensor | undefined } {
  requireOptions(options, [...more, 'axis', 'where'], op);
  if (options.where !== undefined) {
    requireBools('where', options.where, op);
  }
  return { axis: options.axis === undefined ? -1 : options.axis, where: options.where };
}

/** @throws ERR_ARGUMENT unless a value is a tensor; ERR_DTYPE unless it is real floating point. */
export function requireFloats(name: string, value: unknown, op: string): asserts value is Tensor {
  requireTensor(name, value, op);
  if (dtypeInfo(value.dtype).kind === 'float') return;
  throw new DtypeError(`${op}: expected ${name} of a floating-point dtype, got ${value.dtype}.`, { op });
}

/** @throws ERR_ARGUMENT unless a value is a tensor; ERR_DTYPE unless it holds integers. */
export function requireIntegers(name: string, value: unknown, op: string): asserts value is Tensor {
  requireTensor(name, value, op);
  const { kind } = dtypeInfo(value.dtype);
  if (kind === 'int' || kind === 'uint') return;
  throw new DtypeError(`${op}: expected ${name} of an integer dtype, got ${value.dtype}.`, { op });
}

/** @throws ERR_ARGUMENT unless a value is a tensor; ERR_DTYPE unless it is bool. */
export function requireBools(name: string, value: unknown, op: string): asserts value is Tensor {
  requireTensor(name, value, op);
  if (value.dtype === 'bool') return;
  throw new DtypeError(`${op}: expected ${name} of the dtype bool, got ${value.dtype}.`, { op });
}

/** @throws ERR_ARGUMENT unless a value is a tensor; ERR_DTYPE if it is complex. */
export function requireReal(name: string, value: unknown, op: string): asserts value is Tensor {
  requireTensor(name, value, op);
  if (dtypeInfo(value.dtype).kind !== 'complex') return;
  throw new DtypeError(`${op}: expected ${name} of a real dtype, got ${value.dtype}.`, { op });
}

/** @throws ERR_ARGUMENT unless a value is a tensor; ERR_DISPOSED if it is gone. */
export function requireTensor(name: string, value: unknown, op: string): asserts value is Tensor {
  if (value instanceof Tensor) {
    handleOf(value, op);
    return;
  }
  throw new ArgumentError(`${op}: expected ${name} to be a tensor, got ${describe(value)}.`, { op });
}

/** Runs what uses labels as indices; libtorch sees that one is none. */
export function withLabels(count: number, op: string, body: () => Tensor): Tensor {
  try {
    return body();
  } catch (cause) {
    if (!(cause instanceof EquinodeError)) throw cause;
    throw new ArgumentError(`${op}: expected labels from 0 to ${count - 1}, got another.`, { op, cause });
  }
}

/** @throws ERR_SHAPE unless the shapes of two tensors broadcast. */
export function requireBroadcast(names: string, a: Tensor, b: Tensor, op: string): void {
  const [x, y] = [[...a.shape].reverse(), [...b.shape].reverse()];
  if (x.every((size, i) => size === 1 || (y[i] ?? 1) === 1 || size === y[i])) return;
  throw new ShapeError(
    `${op}: expected ${names} whose shapes broadcast, got [${a.shape.join()}] and [${b.shape.join()}].`,
    { op },
  );
}

/** @throws ERR_ARGUMENT unless a number is given; NaN is none. */
export function requireNumeric(name: string, value: unknown, op: string): void {
  if (typeof value === 'number' && !Number.isNaN(value)) return;
  throw new ArgumentError(
    `${op}: expected ${name} to be a number, got ${typeof value === 'number' ? 'NaN' : describe(value)}.`,
    { op },
  );
}

/** @throws ERR_SHAPE unless two tensors have one shape. */
export function requireSameShape(names: string, a: Tensor, b: Tensor, op: string): void {
  if (a.ndim === b.ndim && a.shape.every((size, axis) => size === b.shape[axis])) return;
  throw new ShapeError(
    `${op}: expected ${names} of one shape, got [${a.shape.join()}] and [${b.shape.join()}].`,
    {
      op,
    },
  );
}

/** @throws ERR_SHAPE unless a tensor has as many axes. */
export function requireAxes(name: string, x: Tensor, ndim: number, op: string): void {
  if (x.ndim === ndim) return;
  throw new ShapeError(`${op}: expected ${name} with ${ndim} axes, got the shape [${x.shape.join()}].`, {
    op,
  });
}

/** The axes as libtorch takes them, counted from the front. */
export function axesOf(axis: Axes, ndim: number, op: string): number[] {
  if (axis === null) return Array.from({ length: ndim }, (_, i) => i);
  return (typeof axis === 'number' ? [axis] : [...axis]).map((one) => {
    if (Number.isInteger(one) && one >= -ndim && one < ndim) return one < 0 ? one + ndim : one;
    throw new ArgumentError(`${op}: expected an axis from ${-ndim} to ${ndim - 1}, got ${one}.`, { op });
  });
}

/** The sum over axes of what counts. */
export function sumOver(
  x: Tensor,
  axis: Axes,
  where: Tensor | undefined,
  op: string,
  keepdim = false,
): Tensor {
  const counted = where === undefined ? x : choose(where, x, 0);
  const axes = axesOf(axis, counted.ndim, op);
  return axes.length === 0 ? counted : counted.sum(axes, keepdim);
}

/** The logarithm of the sum of exponentials over axes of what counts. */
export function logSumExpOver(
  x: Tensor,
  axis: Axes,
  where: Tensor | undefined,
  op: string,
  keepdim = false,
): Tensor {
  const counted = where === undefined ? x : choose(where, x, -Infinity);
  const axes = axesOf(axis, counted.ndim, op);
  return axes.length === 0 ? counted : counted.logsumexp(axes, keepdim);
}

/** The logarithm of softmax over axes of what counts; minus infinity elsewhere. */
export function logSoftmaxOver(x: Tensor, axis: Axes, where: Tensor | undefined, op: string): Tensor {
  if (where === undefined && typeof axis === 'number') return x.logSoftmax(axesOf(axis, x.ndim, op)[0]!);
  const result = x.sub(logSumExpOver(x, axis, where, op, true));
  return where === undefined ? result : choose(where, result, -Infinity);
}

/** A number or tensor in the dtype of another, where that is. */
export function like(value: number | Tensor, other: Tensor): Tensor {
  if (value instanceof Tensor) return value.dtype === other.dtype ? value : to(value, other.dtype);
  return full([], value, { dtype: other.dtype, device: other.device });
}

/** max(0, x), with half the gradient where x is 0, as in JAX. */
export function positivePart(x: Tensor): Tensor {
  return x.maximum(like(0, x));
}
