import { dtypeInfo, type DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import { to } from '../ops';
import { callNamed } from '../ops/call';
import { Tensor } from '../tensor/tensor';
import {
  asTensor,
  inNameOf,
  requireBound,
  requireBroadcast,
  requireFloating,
  requireShape,
  shapeOf,
  type Bound,
} from './arguments';
import { requireKey, type Key } from './key';

export interface UniformOptions {
  /** float32 unless given. */
  readonly dtype?: DType | undefined;
  /** The lower bound, 0 unless given; a tensor broadcasts to the shape. */
  readonly minval?: Bound | undefined;
  /** The upper bound, which is never drawn; 1 unless given. */
  readonly maxval?: Bound | undefined;
}

/**
 * Draws numbers that are uniformly distributed over [minval, maxval).
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @returns dtype[...shape].
 * @throws ERR_DTYPE unless the dtype is real floating point; ERR_SHAPE if a bound does not broadcast to the shape;
 *   ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @example
 * random.uniform(key, [2, 3], { minval: -1, maxval: 1 });
 * @see jax.random.uniform on CPU, equal bit for bit in float32, float16 and bfloat16, and to rounding in float64. Between
 *   other bounds than 0 and 1, XLA rounds float16 once or twice, as the processor has it; here it is rounded once.
 */
export function uniform(key: Key, shape: readonly number[] = [], options: UniformOptions = {}): Tensor {
  requireOptions(options, ['dtype', 'minval', 'maxval'], 'random.uniform');
  return drawUniform(key, shape, options, 'random.uniform');
}

/** `uniform` in the name of another sampler. */
export function drawUniform(
  key: Key,
  shape: readonly number[],
  { dtype = 'float32', minval = 0, maxval = 1 }: UniformOptions,
  op: string,
): Tensor {
  requireFloating(dtype, op);
  requireKey(key, op);
  requireShape(shape, op, key, dtypeInfo(dtype).itemBytes);
  requireBound('minval', minval, op);
  requireBound('maxval', maxval, op);
  requireBroadcast('minval', shapeOf(minval), shape, op);
  requireBroadcast('maxval', shapeOf(maxval), shape, op);
  const unit = inNameOf(op, () => callNamed('equinode::threefry_uniform', key, shape, dtype) as Tensor);
  if (minval === 0 && maxval === 1) return unit;
  return stretch(unit, minval, maxval, dtype);
}

// On CPU, XLA contracts the multiplication and the addition into one fused operation, rounded once, in float32; in the
// smaller dtypes it rounds after each. Float64 holds the product of two float32 exactly, and their sum with a bound of
// like size.
function stretch(unit: Tensor, minval: Bound, maxval: Bound, dtype: DType): Tensor {
  if (dtype === 'float32' && !(minval instanceof Tensor) && !(maxval instanceof Tensor)) {
    const low = Math.fround(minval);
    const span = Math.fround(Math.fround(maxval) - low);
    return to(to(unit, 'float64').mul(span).add(low), 'float32').clampMin(low);
  }
  const { device } = unit;
  const low = asTensor(minval, dtype, device);
  const span = asTensor(maxval, dtype, device).sub(low);
  const stretched =
    dtype === 'float32'
      ? to(to(unit, 'float64').mul(to(span, 'float64')).add(to(low, 'float64')), dtype)
      : unit.mul(span).add(low);
  return stretched.maximum(low);
}
