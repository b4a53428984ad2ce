import { Complex } from '../base/complex';
import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import type { TypedArray } from './host';

/** What stands for one element in nested arrays. */
export type Scalar = number | bigint | boolean | Complex;

/** Elements on their way to libtorch, which converts them from the dtype they are stored in. */
export interface Packed {
  readonly elements: TypedArray;
  readonly stored: DType;
}

/**
 * The elements in the widest typed array of their kind.
 *
 * @param shape  of the tensor that they make, for the place in messages.
 * @throws ERR_ARGUMENT if the dtype cannot hold an element.
 */
export function pack(flat: readonly Scalar[], shape: readonly number[], dtype: DType): Packed {
  const { kind } = dtypeInfo(dtype);
  const isInteger = kind === 'int' || kind === 'uint';
  if (isInteger) checkRange(flat, shape, dtype);
  else if (kind !== 'complex') checkReal(flat, shape, dtype);

  if (isInteger && flat.some((value) => typeof value === 'bigint')) {
    const wide = flat.map((value) => (typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value)))));
    // Above 2^63 the bits wrap around here, and back when libtorch makes them unsigned.
    return { elements: BigInt64Array.from(wide), stored: 'int64' };
  }
  if (flat.some((value) => value instanceof Complex)) {
    const pairs = new Float64Array(2 * flat.length);
    flat.forEach((value, i) => {
      pairs[2 * i] = value instanceof Complex ? value.re : Number(value);
      pairs[2 * i + 1] = value instanceof Complex ? value.im : 0;
    });
    return { elements: pairs, stored: 'complex128' };
  }
  if (dtype === 'float32') return { elements: Float32Array.from(flat, Number), stored: 'float32' };
  return { elements: Float64Array.from(flat, Number), stored: 'float64' };
}

function checkReal(flat: readonly Scalar[], shape: readonly number[], dtype: DType): void {
  const at = flat.findIndex((value) => value instanceof Complex);
  if (at >= 0) throw unfit(flat, at, shape, dtype, 'real numbers');
}

function checkRange(flat: readonly Scalar[], shape: readonly number[], dtype: DType): void {
  const { kind, itemBytes } = dtypeInfo(dtype);
  const bits = 8 * itemBytes;
  const low = kind === 'int' ? -(2 ** (bits - 1)) : 0;
  // Doubles hold the bound itself, not the largest 64-bit integer, which is one less.
  const above = kind === 'int' ? 2 ** (bits - 1) : 2 ** bits;
  const at = flat.findIndex((value) => {
    if (typeof value === 'bigint') return value < BigInt(low) || value >= BigInt(above);
    if (value instanceof Complex) return true;
    const whole = Math.trunc(Number(value));
    return !(whole >= low && whole < above);
  });
  if (at >= 0) throw unfit(flat, at, shape, dtype, `integers from ${BigInt(low)} to ${BigInt(above) - 1n}`);
}

function unfit(
  flat: readonly Scalar[],
  at: number,
  shape: readonly number[],
  dtype: DType,
  what: string,
): ArgumentError {
  return new ArgumentError(
    `tensor: expected ${what} for ${dtype}, got ${String(flat[at])} at ${placeOf(at, shape)}.`,
    { op: 'tensor' },
  );
}

/** `[1][0]` for the third of elements with the shape [2, 2]. */
function placeOf(position: number, shape: readonly number[]): string {
  let rest = position;
  let path = '';
  for (const length of [...shape].reverse()) {
    path = `[${rest % length}]${path}`;
    rest = Math.floor(rest / length);
  }
  return path === '' ? 'the top' : path;
}
