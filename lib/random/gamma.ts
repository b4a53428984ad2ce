import { requireOptions } from '../base/options';
import { callNamed } from '../ops/call';
import type { Tensor } from '../tensor/tensor';
import { inNameOf, requireParameters, type Bound, type DTypeOption } from './arguments';
import { requireKey, type Key } from './key';

/**
 * Draws from the gamma distribution of scale 1.
 *
 * @param key  uint32[2].
 * @param a  The shape parameter, above 0; a tensor broadcasts to `shape`.
 * @param shape  The shape of the result; that of `a` unless given.
 * @returns dtype[...shape]; differentiable with respect to `a`.
 * @throws ERR_DTYPE unless the dtype is real floating point; ERR_SHAPE if `a` does not broadcast; ERR_ARGUMENT,
 *   ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @see jax.random.gamma, with the same numbers to rounding; Marsaglia and Tsang 2000.
 */
export function gamma(key: Key, a: Bound, shape?: readonly number[], options: DTypeOption = {}): Tensor {
  requireOptions(options, ['dtype'], 'random.gamma');
  return drawGamma(key, a, shape, options, 'random.gamma', false);
}

/**
 * Draws the logarithm of what `gamma` draws, also where that is too small for a floating-point number.
 *
 * @throws as `gamma`.
 * @see jax.random.loggamma.
 */
export function loggamma(key: Key, a: Bound, shape?: readonly number[], options: DTypeOption = {}): Tensor {
  requireOptions(options, ['dtype'], 'random.loggamma');
  return drawGamma(key, a, shape, options, 'random.loggamma', true);
}

/** `gamma` or its logarithm in the name of another sampler. */
export function drawGamma(
  key: Key,
  a: Bound,
  shape: readonly number[] | undefined,
  { dtype = 'float32' }: DTypeOption,
  op: string,
  inLogSpace: boolean,
): Tensor {
  requireKey(key, op);
  const { shape: into, values } = requireParameters(key, { a }, shape, dtype, op);
  return inNameOf(
    op,
    () => callNamed('equinode::threefry_gamma', key, values.a.expand(into), inLogSpace) as Tensor,
  );
}
