import { dtypeInfo, type DType } from '../base/dtype';
import { DtypeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { to, where } from '../ops';
import { Tensor } from '../tensor/tensor';
import { requireBound, requireParameters, type Bound, type DTypeOption } from './arguments';
import { drawExponential } from './gumbel';
import { requireKey, type Key } from './key';
import { epsilon, tiny } from './limits';
import { normal } from './normal';
import { drawUniform } from './uniform';

/**
 * Draws from the Cauchy distribution of location 0 and scale 1.
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @returns dtype[...shape].
 * @throws ERR_DTYPE unless the dtype is real floating point; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single
 *   key.
 * @see jax.random.cauchy.
 */
export function cauchy(key: Key, shape: readonly number[] = [], options: DTypeOption = {}): Tensor {
  const op = 'random.cauchy';
  requireOptions(options, ['dtype'], op);
  const { dtype = 'float32' } = options;
  return drawUniform(key, shape, { dtype, minval: epsilon[dtype] ?? 0 }, op)
    .sub(0.5)
    .mul(Math.PI)
    .tan();
}

/**
 * Draws from the logistic distribution of location 0 and scale 1.
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @returns dtype[...shape].
 * @throws as `cauchy`.
 * @see jax.random.logistic.
 */
export function logistic(key: Key, shape: readonly number[] = [], options: DTypeOption = {}): Tensor {
  const op = 'random.logistic';
  requireOptions(options, ['dtype'], op);
  const { dtype = 'float32' } = options;
  const u = drawUniform(key, shape, { dtype, minval: tiny[dtype] ?? 0 }, op);
  return u.log().sub(u.neg().log1p());
}

/**
 * Draws from the Pareto distribution of scale 1.
 *
 * @param key  uint32[2].
 * @param b  The shape parameter, above 0; a tensor broadcasts to `shape`.
 * @param shape  The shape of the result; that of `b` unless given.
 * @returns dtype[...shape], from 1 on.
 * @throws ERR_SHAPE if `b` does not broadcast; the rest as `cauchy`.
 * @see jax.random.pareto.
 */
export function pareto(key: Key, b: Bound, shape?: readonly number[], options: DTypeOption = {}): Tensor {
  const op = 'random.pareto';
  requireOptions(options, ['dtype'], op);
  requireKey(key, op);
  const { dtype = 'float32' } = options;
  const drawing = requireParameters(key, { b }, shape, dtype, op);
  return drawExponential(key, drawing.shape, dtype, op).div(drawing.values.b).exp();
}

/**
 * Draws from the Rayleigh distribution.
 *
 * @param key  uint32[2].
 * @param scale  The scale, above 0; a tensor broadcasts to `shape`.
 * @param shape  The shape of the result; that of `scale` unless given.
 * @returns dtype[...shape].
 * @throws ERR_SHAPE if `scale` does not broadcast; the rest as `cauchy`.
 * @see jax.random.rayleigh.
 */
export function rayleigh(
  key: Key,
  scale: Bound,
  shape?: readonly number[],
  options: DTypeOption = {},
): Tensor {
  const op = 'random.rayleigh';
  requireOptions(options, ['dtype'], op);
  requireKey(key, op);
  const { dtype = 'float32' } = options;
  const drawing = requireParameters(key, { scale }, shape, dtype, op);
  const root = drawUniform(key, drawing.shape, { dtype }, op).log().mul(-2).sqrt();
  return root.mul(drawing.values.scale);
}

/**
 * Draws from the triangular distribution.
 *
 * @param key  uint32[2].
 * @param left  The least number; a tensor broadcasts to `shape`.
 * @param mode  The most likely number, likewise.
 * @param right  The largest number, likewise.
 * @param shape  The shape of the result; that to which the parameters broadcast unless given.
 * @returns dtype[...shape].
 * @throws ERR_SHAPE if a parameter does not broadcast; the rest as `cauchy`.
 * @see jax.random.triangular.
 */
export function triangular(
  key: Key,
  left: Bound,
  mode: Bound,
  right: Bound,
  shape?: readonly number[],
  options: DTypeOption = {},
): Tensor {
  const op = 'random.triangular';
  requireOptions(options, ['dtype'], op);
  requireKey(key, op);
  const { dtype = 'float32' } = options;
  const drawing = requireParameters(key, { left, mode, right }, shape, dtype, op);
  const { values } = drawing;
  const width = values.right.sub(values.left);
  const rise = values.mode.sub(values.left);
  const u = drawUniform(key, drawing.shape, { dtype }, op);
  const below = values.left.add(u.mul(width).mul(rise).sqrt());
  const above = values.right.sub(u.rsub(1).mul(width).mul(values.right.sub(values.mode)).sqrt());
  return where(u.lt(rise.div(width)), below, above);
}

/**
 * Draws from the log-normal distribution.
 *
 * @param key  uint32[2].
 * @param sigma  The standard deviation of the logarithm, 1 unless given; a tensor broadcasts to `shape`.
 * @param shape  The shape of the result; that of `sigma` unless given.
 * @returns dtype[...shape].
 * @throws ERR_SHAPE if `sigma` does not broadcast; the rest as `cauchy`.
 * @see jax.random.lognormal.
 */
export function lognormal(
  key: Key,
  sigma: Bound = 1,
  shape?: readonly number[],
  options: DTypeOption = {},
): Tensor {
  const op = 'random.lognormal';
  requireOptions(options, ['dtype'], op);
  requireKey(key, op);
  const drawing = requireParameters(key, { sigma }, shape, options.dtype ?? 'float32', op);
  return normal(key, drawing.shape, options).mul(drawing.values.sigma).exp();
}

/**
 * Draws how many trials of probability p it takes until the first success.
 *
 * @param key  uint32[2].
 * @param p  The probability, in (0, 1]; a floating-point tensor broadcasts to `shape`.
 * @param shape  The shape of the result; that of `p` unless given.
 * @param options  `dtype`: an integer dtype; int32 unless given.
 * @returns dtype[...shape], from 1 on.
 * @throws ERR_DTYPE unless the dtype is an integer one and `p` real floating point; ERR_SHAPE if `p` does not
 *   broadcast; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @see jax.random.geometric.
 */
export function geometric(key: Key, p: Bound, shape?: readonly number[], options: DTypeOption = {}): Tensor {
  const op = 'random.geometric';
  requireOptions(options, ['dtype'], op);
  const { dtype = 'int32' } = options;
  requireKey(key, op);
  requireIntegerDtype(dtype, op);
  requireBound('p', p, op);
  const precision = p instanceof Tensor ? p.dtype : 'float32';
  const drawing = requireParameters(key, { p }, shape, precision, op);
  const u = drawUniform(key, drawing.shape, { dtype: precision }, op);
  const logU = u.maskedFill(u.eq(0), 1).log();
  return to(logU.div(drawing.values.p.neg().log1p()).floor().add(1), dtype);
}

/**
 * Draws -1 and 1 with equal probability.
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @param options  `dtype`: int32 unless given.
 * @returns dtype[...shape].
 * @throws ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @see jax.random.rademacher.
 */
export function rademacher(key: Key, shape: readonly number[] = [], options: DTypeOption = {}): Tensor {
  const op = 'random.rademacher';
  requireOptions(options, ['dtype'], op);
  return drawSigns(key, shape, options.dtype ?? 'int32', op);
}

/** `rademacher` in the name of another sampler. */
export function drawSigns(key: Key, shape: readonly number[], dtype: DType, op: string): Tensor {
  dtypeInfo(dtype, op);
  return to(drawUniform(key, shape, {}, op).lt(0.5), dtype)
    .mul(2)
    .sub(1);
}

/** @throws ERR_DTYPE unless the dtype is an integer one. */
export function requireIntegerDtype(dtype: DType, op: string): void {
  const { kind } = dtypeInfo(dtype, op);
  if (kind === 'int' || kind === 'uint') return;
  throw new DtypeError(`${op}: expected an integer dtype, got ${dtype}.`, { op });
}
