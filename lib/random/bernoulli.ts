import { Tensor } from '../tensor/tensor';
import { requireBroadcast, requireFloating, shapeOf, type Bound } from './arguments';
import { requireKey, type Key } from './key';
import { drawUniform } from './uniform';

/**
 * Draws booleans that are true with a given probability.
 *
 * @param key  uint32[2].
 * @param p  The probability, in [0, 1]: 0.5 unless given, or a floating-point tensor.
 * @param shape  The shape of the result, to which `p` broadcasts; the shape of `p` unless given.
 * @returns bool[...shape].
 * @throws ERR_DTYPE unless `p` is real floating point; ERR_SHAPE if it does not broadcast; ERR_ARGUMENT, ERR_SHAPE,
 *   ERR_DTYPE if `key` is no single key.
 * @see jax.random.bernoulli with `mode='low'`, its default: probabilities below 1e-7 are coarse in float32.
 */
export function bernoulli(key: Key, p: Bound = 0.5, shape?: readonly number[]): Tensor {
  const op = 'random.bernoulli';
  const dtype = p instanceof Tensor ? p.dtype : 'float32';
  requireFloating(dtype, op);
  requireKey(key, op);
  const into = shape ?? shapeOf(p);
  requireBroadcast('p', shapeOf(p), into, op);
  return drawUniform(key, into, { dtype }, op).lt(p instanceof Tensor ? p : Math.fround(p));
}
