import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import type { Tensor } from '../tensor/tensor';
import { requireFloating } from './arguments';
import type { Key } from './key';
import { aboveMinusOne, tiny } from './limits';
import { drawUniform } from './uniform';

interface Options {
  /** float32 unless given. */
  readonly dtype?: DType | undefined;
}

/**
 * Draws from the standard Gumbel distribution: -log(-log(u)).
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @returns dtype[...shape].
 * @throws ERR_DTYPE unless the dtype is real floating point; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single
 *   key.
 * @see jax.random.gumbel with `mode='low'`, its default.
 */
export function gumbel(key: Key, shape: readonly number[] = [], options: Options = {}): Tensor {
  requireOptions(options, ['dtype'], 'random.gumbel');
  return drawGumbel(key, shape, options.dtype ?? 'float32', 'random.gumbel');
}

/** `gumbel` in the name of another sampler. */
export function drawGumbel(key: Key, shape: readonly number[], dtype: DType, op: string): Tensor {
  requireFloating(dtype, op);
  return drawUniform(key, shape, { dtype, minval: tiny[dtype] ?? 0 }, op)
    .log()
    .neg()
    .log()
    .neg();
}

/**
 * Draws from the exponential distribution of rate 1: -log(1 - u).
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @returns dtype[...shape].
 * @throws as `gumbel`.
 * @see jax.random.exponential.
 */
export function exponential(key: Key, shape: readonly number[] = [], options: Options = {}): Tensor {
  requireOptions(options, ['dtype'], 'random.exponential');
  return drawUniform(key, shape, { dtype: options.dtype ?? 'float32' }, 'random.exponential')
    .neg()
    .log1p()
    .neg();
}

/**
 * Draws from the Laplace distribution of mean 0 and scale 1.
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @returns dtype[...shape].
 * @throws as `gumbel`.
 * @see jax.random.laplace.
 */
export function laplace(key: Key, shape: readonly number[] = [], options: Options = {}): Tensor {
  requireOptions(options, ['dtype'], 'random.laplace');
  const { dtype = 'float32' } = options;
  const u = drawUniform(key, shape, { dtype, minval: aboveMinusOne[dtype] ?? 0 }, 'random.laplace');
  return u.sign().mul(u.abs().neg().log1p());
}
