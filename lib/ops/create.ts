import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import type { Complex } from '../base/complex';
import type { TensorOptions } from '../tensor/create';
import { showValue } from '../tensor/show-value';
import { handleOf, type Tensor } from '../tensor/tensor';
import * as generated from './generated';

interface Placement {
  readonly dtype: DType;
  readonly device?: string;
}

function placement(op: string, options: TensorOptions, fallback: DType): Placement {
  const { dtype = fallback, device } = options;
  dtypeInfo(dtype, op);
  return device === undefined ? { dtype } : { dtype, device };
}

function checkShape(op: string, shape: unknown): number[] {
  const sizes: unknown[] = typeof shape === 'number' ? [shape] : Array.isArray(shape) ? shape : [undefined];
  if (sizes.every((size) => Number.isSafeInteger(size) && (size as number) >= 0)) {
    return sizes as number[];
  }
  throw new ArgumentError(`${op}: expected a shape of integers of at least 0, got ${showValue(shape)}.`, {
    op,
  });
}

/** A shape: the size of each axis, or one number for a single axis. */
export type Shape = readonly number[] | number;

/**
 * A tensor of zeros.
 *
 * @returns dtype[...shape], float32 unless told otherwise.
 * @throws ERR_ARGUMENT for a shape that is none; ERR_DTYPE, ERR_DEVICE for names that are unknown or not there.
 * @see torch.zeros.
 */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return generated.zeros(checkShape('zeros', shape), placement('zeros', options, 'float32'));
}

/** A tensor of ones; as `zeros` otherwise. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return generated.ones(checkShape('ones', shape), placement('ones', options, 'float32'));
}

/** A tensor whose values are whatever the memory held; as `zeros` otherwise. */
export function empty(shape: Shape, options: TensorOptions = {}): Tensor {
  return generated.empty(checkShape('empty', shape), placement('empty', options, 'float32'));
}

/**
 * A tensor filled with one value; as `zeros` otherwise. Numbers make float32 and booleans bool unless told otherwise.
 *
 * @see torch.full. Difference: a whole number makes float32, not int64.
 */
export function full(
  shape: Shape,
  value: number | bigint | boolean | Complex,
  options: TensorOptions = {},
): Tensor {
  const fallback =
    typeof value === 'boolean'
      ? 'bool'
      : typeof value === 'bigint'
        ? 'int64'
        : typeof value === 'object'
          ? 'complex64'
          : 'float32';
  return generated.full(checkShape('full', shape), value, placement('full', options, fallback));
}

/**
 * Numbers from `start` (included) to `end` (excluded) in steps.
 *
 * @returns int64[n] if start, end and step are whole, else float32[n].
 * @throws ERR_ARGUMENT if the step is 0 or leads away from the end.
 * @example
 * arange(3);         // [0, 1, 2]
 * arange(1, 2, 0.5); // [1, 1.5]
 * @see torch.arange.
 */
export function arange(end: number, options?: TensorOptions): Tensor;
export function arange(start: number, end: number, options?: TensorOptions): Tensor;
export function arange(start: number, end: number, step: number, options?: TensorOptions): Tensor;
export function arange(...args: (number | TensorOptions | undefined)[]): Tensor {
  const numbers = args.filter((arg) => typeof arg === 'number');
  const options = args.find((arg) => typeof arg === 'object') ?? {};
  const [first = NaN, second, step = 1] = numbers;
  const start = second === undefined ? 0 : first;
  const end = second ?? first;
  if (!Number.isFinite((end - start) / step) || (end - start) * step < 0) {
    throw new ArgumentError(
      `arange: expected a step that leads from start to end, got start ${start}, end ${end}, step ${step}.`,
      { op: 'arange' },
    );
  }
  const whole = [start, end, step].every(Number.isInteger);
  return generated.arange(start, end, step, placement('arange', options, whole ? 'int64' : 'float32'));
}

/**
 * `steps` numbers from `start` to `end`, both included, at equal distances.
 *
 * @returns float32[steps] unless told otherwise.
 * @see torch.linspace.
 */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = {}): Tensor {
  return generated.linspace(start, end, steps, placement('linspace', options, 'float32'));
}

/**
 * The identity matrix, or one with `columns` columns.
 *
 * @returns float32[rows, columns] unless told otherwise.
 * @see torch.eye.
 */
export function eye(rows: number, columns?: number | TensorOptions, options: TensorOptions = {}): Tensor {
  const width = typeof columns === 'number' ? columns : rows;
  const given = typeof columns === 'object' ? columns : options;
  return generated.eye(checkShape('eye', rows)[0] ?? 0, width, placement('eye', given, 'float32'));
}

function like(op: string, other: Tensor, options: TensorOptions): Placement {
  handleOf(other, op);
  return placement(op, { device: other.device, ...options }, other.dtype);
}

/** Zeros of another tensor's shape, dtype and device. */
export function zerosLike(other: Tensor, options: TensorOptions = {}): Tensor {
  return generated.zerosLike(other, like('zerosLike', other, options));
}

/** Ones of another tensor's shape, dtype and device. */
export function onesLike(other: Tensor, options: TensorOptions = {}): Tensor {
  return generated.onesLike(other, like('onesLike', other, options));
}

/** A tensor of another's shape, dtype and device, with whatever the memory held. */
export function emptyLike(other: Tensor, options: TensorOptions = {}): Tensor {
  return generated.emptyLike(other, like('emptyLike', other, options));
}

/** A tensor of another's shape, dtype and device, filled with one value. */
export function fullLike(
  other: Tensor,
  value: number | bigint | boolean | Complex,
  options: TensorOptions = {},
): Tensor {
  return generated.fullLike(other, value, like('fullLike', other, options));
}
