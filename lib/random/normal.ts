import { dtypeInfo, type DType } from '../base/dtype';
import { DtypeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { complex, detach, erfinv, to } from '../ops';
import { callNamed } from '../ops/call';
import type { Tensor } from '../tensor/tensor';
import {
  inNameOf,
  asTensor,
  broadcastShape,
  requireBound,
  requireBroadcast,
  requireFloating,
  requireShape,
  shapeOf,
  type Bound,
} from './arguments';
import { requireKey, splitPair, type Key } from './key';
import { drawUniform } from './uniform';

/** The square root of 2 as both half precisions round it. */
const halfSqrt2 = 1.4140625;

/**
 * Draws numbers from the normal distribution of mean 0 and variance 1.
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @param options  `dtype`: floating point (float32 unless given) or complex, with variance 1/2 in each part.
 * @returns dtype[...shape].
 * @throws ERR_DTYPE for another dtype; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @see jax.random.normal. The uniform numbers underneath are the same, and so is the inverse error function but for
 *   rounding: a few units in the last place.
 */
export function normal(
  key: Key,
  shape: readonly number[] = [],
  options: { readonly dtype?: DType | undefined } = {},
): Tensor {
  requireOptions(options, ['dtype'], 'random.normal');
  const { dtype = 'float32' } = options;
  const { kind } = dtypeInfo(dtype, 'random.normal');
  if (kind === 'float') return drawNormal(key, shape, dtype, 'random.normal');
  if (kind !== 'complex') {
    throw new DtypeError(`random.normal: expected a floating-point or complex dtype, got ${dtype}.`, {
      op: 'random.normal',
    });
  }
  requireKey(key, 'random.normal');
  const [forReal, forImaginary] = splitPair(key);
  const part: DType = dtype === 'complex64' ? 'float32' : 'float64';
  const [real, imaginary] = [forReal, forImaginary].map((one) =>
    drawNormal(one, shape, part, 'random.normal'),
  );
  return complex(real!, imaginary!).mul(Math.SQRT1_2);
}

/** `normal` of a real dtype in the name of another sampler. */
export function drawNormal(key: Key, shape: readonly number[], dtype: DType, op: string): Tensor {
  requireKey(key, op);
  requireShape(shape, op, key, dtypeInfo(dtype).itemBytes);
  return inNameOf(op, () => callNamed('equinode::threefry_normal', key, shape, dtype) as Tensor);
}

/** sqrt(2) times the inverse error function, where half precision is computed in float32. */
function scaledErfinv(u: Tensor, dtype: DType): Tensor {
  if (dtype !== 'float16' && dtype !== 'bfloat16') return erfinv(u).mul(Math.SQRT2);
  return to(erfinv(to(u, 'float32')), dtype).mul(halfSqrt2);
}

/**
 * Draws numbers from the normal distribution of mean 0 and variance 1, conditioned on the interval (lower, upper).
 *
 * @param key  uint32[2].
 * @param lower  The lower bound; a tensor broadcasts to the shape.
 * @param upper  The upper bound, likewise.
 * @param shape  The shape of the result; that to which the bounds broadcast unless given.
 * @returns dtype[...shape], inside the open interval; differentiable with respect to the bounds.
 * @throws ERR_DTYPE unless the dtype is real floating point; ERR_SHAPE if a bound does not broadcast to the shape;
 *   ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @see jax.random.truncated_normal.
 */
export function truncatedNormal(
  key: Key,
  lower: Bound,
  upper: Bound,
  shape?: readonly number[],
  options: { readonly dtype?: DType | undefined } = {},
): Tensor {
  const op = 'random.truncatedNormal';
  requireOptions(options, ['dtype'], op);
  const { dtype = 'float32' } = options;
  requireFloating(dtype, op);
  requireKey(key, op);
  requireBound('lower', lower, op);
  requireBound('upper', upper, op);
  const into = shape ?? broadcastShape(shapeOf(lower), shapeOf(upper));
  requireShape(into, op);
  requireBroadcast('lower', shapeOf(lower), into, op);
  requireBroadcast('upper', shapeOf(upper), into, op);
  const { device } = key;
  const low = asTensor(lower, dtype, device);
  const high = asTensor(upper, dtype, device);
  const minval = low.div(Math.SQRT2).erf();
  const maxval = high.div(Math.SQRT2).erf();
  const drawn = scaledErfinv(drawUniform(key, into, { dtype, minval, maxval }, op), dtype);
  // Rounding, or drawing the lower bound itself, must not leave the open interval.
  const smallest = detach(low).nextafter(asTensor(Infinity, dtype, device));
  const largest = detach(high).nextafter(asTensor(-Infinity, dtype, device));
  return drawn.clamp(smallest, largest);
}
