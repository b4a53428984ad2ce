import { requireOptions } from '../base/options';
import { Tensor } from '../tensor/tensor';
import {
  requireBound,
  requireBroadcast,
  requireFloating,
  requireMode,
  requireShape,
  shapeOf,
  type Bound,
} from './arguments';
import { requireKey, type Key } from './key';
import { epsilon } from './limits';
import { drawUniform } from './uniform';

/**
 * Draws booleans that are true with a given probability.
 *
 * @param key  uint32[2].
 * @param p  The probability, in [0, 1]: 0.5 unless given, or a floating-point tensor.
 * @param shape  The shape of the result, to which `p` broadcasts; the shape of `p` unless given.
 * @param options  `mode`: 'low' (the default), where probabilities below 1e-7 are coarse in float32, or 'high'.
 * @returns bool[...shape].
 * @throws ERR_DTYPE unless `p` is real floating point; ERR_SHAPE if it does not broadcast; ERR_ARGUMENT, ERR_SHAPE,
 *   ERR_DTYPE if `key` is no single key.
 * @see jax.random.bernoulli.
 */
export function bernoulli(
  key: Key,
  p: Bound = 0.5,
  shape?: readonly number[],
  options: { readonly mode?: 'low' | 'high' | undefined } = {},
): Tensor {
  const op = 'random.bernoulli';
  requireOptions(options, ['mode'], op);
  requireMode(options.mode, ['low', 'high'], op);
  requireBound('p', p, op);
  const dtype = p instanceof Tensor ? p.dtype : 'float32';
  requireFloating(dtype, op);
  requireKey(key, op);
  const into = shape ?? shapeOf(p);
  requireShape(into, op);
  requireBroadcast('p', shapeOf(p), into, op);
  const bound = p instanceof Tensor ? p : Math.fround(p);
  if (options.mode !== 'high') return drawUniform(key, into, { dtype }, op).lt(bound);
  // Two numbers of one mantissa each: the second continues the first.
  const both = drawUniform(key, [2, ...into], { dtype }, op);
  const [coarse, fine] = [both.select(0, 0), both.select(0, 1)];
  const rest = bound instanceof Tensor ? bound.sub(coarse) : coarse.rsub(bound);
  return fine.mul(epsilon[dtype] ?? 0).lt(rest);
}
