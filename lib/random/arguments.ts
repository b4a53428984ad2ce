import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors';
import { full, to } from '../ops';
import { Tensor } from '../tensor/tensor';

/** A number, or a tensor that broadcasts against the result. */
export type Bound = number | Tensor;

/** @throws ERR_ARGUMENT unless every size is an integer from 0 on. */
export function requireShape(shape: readonly number[], op: string): void {
  if (Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0)) return;
  throw new ArgumentError(
    `${op}: expected a shape of integers from 0 on, got ${JSON.stringify(shape) as string | undefined}. Write it as an array: [2, 3].`,
    { op },
  );
}

/** @throws ERR_DTYPE unless the dtype is real floating point. */
export function requireFloating(dtype: DType, op: string): void {
  if (dtypeInfo(dtype, op).kind === 'float') return;
  throw new DtypeError(`${op}: expected a floating-point dtype, got ${dtype}.`, { op });
}

/** @throws ERR_SHAPE unless a parameter of the shape `got` broadcasts to the result's shape. */
export function requireBroadcast(
  name: string,
  got: readonly number[],
  shape: readonly number[],
  op: string,
): void {
  const offset = shape.length - got.length;
  const fits = offset >= 0 && got.every((size, axis) => size === 1 || size === shape[axis + offset]);
  if (fits) return;
  throw new ShapeError(
    `${op}: expected ${name} to broadcast to the shape [${shape.join()}], got the shape [${got.join()}].`,
    { op },
  );
}

/** The shape of a number (none) or of a tensor. */
export function shapeOf(value: Bound): readonly number[] {
  return value instanceof Tensor ? value.shape : [];
}

/** A parameter as a tensor of the dtype. */
export function asTensor(value: Bound, dtype: DType, device: string): Tensor {
  return value instanceof Tensor ? to(value, dtype) : full([], value, { dtype, device });
}

/** The shape to which shapes broadcast together, as far as they fit; `requireBroadcast` finds out if they do. */
export function broadcastShape(a: readonly number[], b: readonly number[]): readonly number[] {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const offset = long.length - short.length;
  return long.map((size, axis) => (size === 1 ? (short[axis - offset] ?? size) : size));
}

/** The axis counted from the front. */
export function requireAxis(axis: number, ndim: number, op: string): number {
  if (Number.isInteger(axis) && axis >= -ndim && axis < ndim) return axis < 0 ? axis + ndim : axis;
  throw new ArgumentError(`${op}: expected an axis from ${-ndim} to ${ndim - 1}, got ${axis}.`, { op });
}
