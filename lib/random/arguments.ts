import { totalmem } from 'node:os';
import { dtypeInfo, type DType } from '../base/dtype';
import {
  ArgumentError,
  DtypeError,
  EquinodeError,
  errorOf,
  OutOfMemoryError,
  ShapeError,
} from '../base/errors';
import { full, to } from '../ops';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';

/** A number, or a tensor that broadcasts against the result. */
export type Bound = number | Tensor;

const hostBytes = totalmem();

/**
 * @param key  Where the values will be; on the CPU they must fit into the host's memory.
 * @param itemBytes  The size of a value.
 * @throws ERR_ARGUMENT unless every size is an integer from 0 on; ERR_MEMORY for more values than fit anywhere.
 */
export function requireShape(shape: readonly number[], op: string, key?: Tensor, itemBytes = 1): void {
  if (Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    const count = (shape as readonly number[]).reduce((product, size) => product * size, 1);
    // Elsewhere there may be more memory, but not that much.
    const room = key?.device === 'cpu' ? hostBytes : 16 * hostBytes;
    if (count * itemBytes <= room) return;
    throw new OutOfMemoryError(
      `${op}: expected a shape whose values fit into memory, got [${shape.join()}].`,
      { op },
    );
  }
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

/** Runs an operator of this library in the name of a sampler. */
export function inNameOf<R>(op: string, body: () => R): R {
  try {
    return body();
  } catch (cause) {
    if (!(cause instanceof EquinodeError)) throw cause;
    throw errorOf(cause.code, cause.message.replace(/^\w+: libtorch refused/, `${op}: libtorch refused`), {
      op,
      cause,
    });
  }
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

/** What a sampler draws: the shape of its result, and its parameters in the result's dtype. */
export interface Drawing<N extends string> {
  readonly shape: readonly number[];
  readonly values: Readonly<Record<N, Tensor>>;
}

/**
 * Checks the arguments of a sampler whose parameters broadcast to its result.
 *
 * @throws ERR_DTYPE unless the dtype is real floating point; ERR_ARGUMENT for a parameter that is neither a number nor
 *   a tensor, or a shape that is none; ERR_SHAPE if a parameter does not broadcast.
 */
export function requireParameters<N extends string>(
  key: Tensor,
  parameters: Readonly<Record<N, Bound>>,
  shape: readonly number[] | undefined,
  dtype: DType,
  op: string,
): Drawing<N> {
  requireFloating(dtype, op);
  const named = Object.entries(parameters) as [N, Bound][];
  named.forEach(([name, value]) => {
    requireBound(name, value, op);
  });
  const into = shape ?? named.map(([, value]) => shapeOf(value)).reduce(broadcastShape, []);
  requireShape(into, op, key, dtypeInfo(dtype).itemBytes);
  named.forEach(([name, value]) => {
    requireBroadcast(name, shapeOf(value), into, op);
  });
  const values = named.map(([name, value]) => [name, asTensor(value, dtype, key.device)] as const);
  return { shape: into, values: Object.fromEntries(values) as Record<N, Tensor> };
}

/**
 * @throws ERR_ARGUMENT unless a parameter is a number or a tensor; ERR_DISPOSED for a tensor that is gone, ERR_DTYPE for
 *   complex numbers.
 */
export function requireBound(name: string, value: unknown, op: string): void {
  if (typeof value === 'number') return;
  if (value instanceof Tensor) {
    requireParameter(name, value, op);
    return;
  }
  throw new ArgumentError(
    `${op}: expected ${name} to be a number or a tensor, got ${value === null ? 'null' : typeof value}.`,
    { op },
  );
}

/** @throws as `requireBound`, and ERR_ARGUMENT for a number. */
export function requireParameter(name: string, value: unknown, op: string): asserts value is Tensor {
  if (!(value instanceof Tensor)) {
    throw new ArgumentError(
      `${op}: expected ${name} to be a tensor, got ${value === null ? 'null' : typeof value}.`,
      { op },
    );
  }
  handleOf(value, op);
  if (dtypeInfo(value.dtype).kind !== 'complex') return;
  throw new DtypeError(
    `${op}: expected ${name} to hold real numbers, got ${value.dtype}[${value.shape.join()}].`,
    { op },
  );
}

/** @throws ERR_ARGUMENT unless a number is finite and above 0. */
export function requirePositive(name: string, value: unknown, op: string): void {
  if (typeof value === 'number' && value > 0 && value < Infinity) return;
  const got = typeof value === 'number' ? String(value) : value instanceof Tensor ? 'a tensor' : typeof value;
  throw new ArgumentError(`${op}: expected ${name} to be a finite number above 0, got ${got}.`, { op });
}

/** What has a default in every sampler of floating-point numbers. */
export interface DTypeOption {
  /** float32 unless given. */
  readonly dtype?: DType | undefined;
}

/** @throws ERR_ARGUMENT unless a mode is one of those there are, or not given. */
export function requireMode(mode: unknown, modes: readonly string[], op: string): void {
  if (mode === undefined || (modes as readonly unknown[]).includes(mode)) return;
  throw new ArgumentError(`${op}: expected the mode ${modes.join(', ')}, got ${JSON.stringify(mode)}.`, {
    op,
  });
}
