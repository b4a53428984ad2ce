import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import { frexp, ldexp, to, where } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { requireFloating, requireMode, requireShape, type DTypeOption } from './arguments';
import { drawBits } from './bits';
import { requireKey, type Key } from './key';
import { aboveMinusOne, epsilon, tiny } from './limits';
import { drawUniform } from './uniform';

export interface GumbelOptions extends DTypeOption {
  /**
   * How finely large numbers are resolved: 'low' (the default) draws one number of a mantissa, 'high' two; 'highest'
   * draws 64 bits where the dtype is float32, and is 'high' elsewhere.
   */
  readonly mode?: GumbelMode | undefined;
}

export type GumbelMode = 'low' | 'high' | 'highest';

/**
 * Draws from the standard Gumbel distribution: -log(-log(u)).
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @returns dtype[...shape].
 * @throws ERR_DTYPE unless the dtype is real floating point; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single
 *   key.
 * @see jax.random.gumbel.
 */
export function gumbel(key: Key, shape: readonly number[] = [], options: GumbelOptions = {}): Tensor {
  requireOptions(options, ['dtype', 'mode'], 'random.gumbel');
  return drawGumbel(key, shape, options.dtype ?? 'float32', options.mode, 'random.gumbel');
}

/** `gumbel` in the name of another sampler. */
export function drawGumbel(
  key: Key,
  shape: readonly number[],
  dtype: DType,
  mode: GumbelMode | undefined,
  op: string,
): Tensor {
  requireFloating(dtype, op);
  requireMode(mode, ['low', 'high', 'highest'], op);
  if (mode === 'highest' && dtype === 'float32') return drawFinely(key, shape, op);
  if (mode === undefined || mode === 'low') {
    return minusLog(minusLog(drawUniform(key, shape, { dtype, minval: tiny[dtype] ?? 0 }, op)));
  }
  const both = drawUniform(key, [2, ...shape], { dtype }, op);
  const [high, low] = [both.select(0, 0), both.select(0, 1)];
  const finer = high.add(low.mul(epsilon[dtype] ?? 0)).add(tiny[dtype] ?? 0);
  return minusLog(where(high.ge(0.5), high, finer).neg().log1p().neg());
}

/** With 64 bits for each number, of which those behind the leading zeros make the mantissa. */
function drawFinely(key: Key, shape: readonly number[], op: string): Tensor {
  requireKey(key, op);
  requireShape(shape, op);
  const both = to(drawBits(key, [2, ...shape], 32), 'int64');
  const [high, low] = [both.select(0, 0), both.select(0, 1)];
  const isSmall = high.lt(2 ** 31);
  // Above 1/2, the distance to 1: the negative of the 64 bits, in words.
  const carry = to(low.eq(0), 'int64');
  const upper = where(
    isSmall,
    high,
    high
      .bitwiseNot()
      .add(carry)
      .bitwiseAnd(2 ** 32 - 1),
  );
  const lower = where(
    isSmall,
    low,
    low
      .bitwiseNot()
      .add(1)
      .bitwiseAnd(2 ** 32 - 1),
  );
  const x = truncated(upper, lower);
  return where(isSmall, minusLog(x.neg().log1p().neg()), minusLog(minusLog(x)));
}

/** (high · 2^32 + low) / 2^64 in float32, the bits behind the mantissa being cut off. */
function truncated(high: Tensor, low: Tensor): Tensor {
  // Float64 holds 53 bits; where there are more, the last 11 lie behind the 24 that stay.
  const held = where(high.lt(2 ** 21), low, low.bitwiseAnd(2 ** 32 - 2 ** 11));
  const [mantissa, exponent] = frexp(
    to(high, 'float64')
      .mul(2 ** 32)
      .add(to(held, 'float64')),
  );
  const cut = mantissa.mul(2 ** 24).floor();
  return to(ldexp(cut, to(exponent, 'float64').sub(24 + 64)), 'float32');
}

function minusLog(x: Tensor): Tensor {
  return x.log().neg();
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
export function exponential(key: Key, shape: readonly number[] = [], options: DTypeOption = {}): Tensor {
  requireOptions(options, ['dtype'], 'random.exponential');
  return drawExponential(key, shape, options.dtype ?? 'float32', 'random.exponential');
}

/** `exponential` in the name of another sampler. */
export function drawExponential(key: Key, shape: readonly number[], dtype: DType, op: string): Tensor {
  return drawUniform(key, shape, { dtype }, op).neg().log1p().neg();
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
export function laplace(key: Key, shape: readonly number[] = [], options: DTypeOption = {}): Tensor {
  requireOptions(options, ['dtype'], 'random.laplace');
  const { dtype = 'float32' } = options;
  const u = drawUniform(key, shape, { dtype, minval: aboveMinusOne[dtype] ?? 0 }, 'random.laplace');
  return u.sign().mul(u.abs().neg().log1p());
}
