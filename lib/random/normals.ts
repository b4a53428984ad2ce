import { ArgumentError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { linalgCholesky, linalgEigh, linalgQr, linalgSvd, linalgVectorNorm, to, where } from '../ops';
import type { Tensor } from '../tensor/tensor';
import {
  asTensor,
  broadcastShape,
  requireBound,
  requireBroadcast,
  requireFloating,
  requireParameter,
  requireParameters,
  requirePositive,
  requireShape,
  shapeOf,
  type Bound,
  type DTypeOption,
} from './arguments';
import { drawGamma } from './gamma';
import { drawExponential } from './gumbel';
import { drawSigns } from './inverse';
import { requireKey, splitPair, type Key } from './key';
import { drawNormal } from './normal';
import { drawUniform } from './uniform';

export interface MultivariateNormalOptions extends DTypeOption {
  /** How the covariance is factored; 'cholesky' unless given. */
  readonly method?: 'cholesky' | 'eigh' | 'svd' | undefined;
}

/**
 * Draws vectors of the normal distribution with a mean and a covariance.
 *
 * @param key  uint32[2].
 * @param mean  float[..., n].
 * @param cov  float[..., n, n], positive definite (for 'eigh' and 'svd': semidefinite) and symmetric.
 * @param shape  The shape of the result without its last axis, to which those of `mean` and `cov` without their last
 *   axes broadcast; what these broadcast to unless given.
 * @returns dtype[...shape, n], in the dtype of `mean` unless given.
 * @throws ERR_SHAPE if the shapes do not fit; ERR_ARGUMENT for another method; ERR_DTYPE unless the dtype is real
 *   floating point; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @see jax.random.multivariate_normal.
 */
export function multivariateNormal(
  key: Key,
  mean: Tensor,
  cov: Tensor,
  shape?: readonly number[],
  options: MultivariateNormalOptions = {},
): Tensor {
  const op = 'random.multivariateNormal';
  requireOptions(options, ['dtype', 'method'], op);
  requireKey(key, op);
  requireParameter('mean', mean, op);
  requireParameter('cov', cov, op);
  const { method = 'cholesky', dtype = mean.dtype } = options;
  requireFloating(dtype, op);
  const n = mean.shape.at(-1);
  if (n === undefined || cov.ndim < 2 || cov.shape.at(-1) !== n || cov.shape.at(-2) !== n) {
    throw new ShapeError(
      `${op}: expected a mean [..., n] and a covariance [..., n, n], got [${mean.shape.join()}] and [${cov.shape.join()}].`,
      { op },
    );
  }
  const into = shape ?? broadcastShape(mean.shape.slice(0, -1), cov.shape.slice(0, -2));
  requireShape(into, op);
  requireBroadcast('mean', mean.shape.slice(0, -1), into, op);
  requireBroadcast('cov', cov.shape.slice(0, -2), into, op);
  const factor = to(factorOf(cov, method, op), dtype);
  const drawn = drawNormal(key, [...into, n], dtype, op);
  return to(mean, dtype).add(factor.matmul(drawn.unsqueeze(-1)).squeeze(-1));
}

function factorOf(cov: Tensor, method: string, op: string): Tensor {
  if (method === 'cholesky') return linalgCholesky(cov);
  if (method === 'eigh') {
    const [values, vectors] = linalgEigh(cov);
    return vectors.mul(values.sqrt().unsqueeze(-2));
  }
  if (method === 'svd') {
    const [u, s] = linalgSvd(cov);
    return u.mul(s.sqrt().unsqueeze(-2));
  }
  throw new ArgumentError(
    `${op}: expected the method 'cholesky', 'eigh' or 'svd', got ${JSON.stringify(method)}.`,
    { op },
  );
}

export interface OrthogonalOptions extends DTypeOption {
  /** The number of columns; that of the rows unless given. */
  readonly m?: number | undefined;
}

/**
 * Draws matrices uniformly from the orthogonal ones (with n other than m: with orthonormal rows or columns).
 *
 * @param key  uint32[2].
 * @param n  The number of rows.
 * @param shape  The shape of the result without its last two axes.
 * @returns dtype[...shape, n, m].
 * @throws ERR_ARGUMENT for sizes that are no integers from 0 on; ERR_DTYPE unless the dtype is real floating point;
 *   ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @see jax.random.orthogonal.
 */
export function orthogonal(
  key: Key,
  n: number,
  shape: readonly number[] = [],
  options: OrthogonalOptions = {},
): Tensor {
  const op = 'random.orthogonal';
  requireOptions(options, ['dtype', 'm'], op);
  const { dtype = 'float32', m = n } = options;
  requireKey(key, op);
  requireFloating(dtype, op);
  requireShape(shape, op);
  requireShape([...shape, n, m], op);
  const [q, r] = linalgQr(drawNormal(key, [...shape, Math.max(n, m), Math.min(n, m)], dtype, op));
  const signed = q.mul(r.diagonal({ dim1: -2, dim2: -1 }).sign().unsqueeze(-2));
  return n < m ? signed.mT() : signed;
}

/**
 * Draws from the generalised normal distribution, whose density is proportional to exp(-|x|^p).
 *
 * @param key  uint32[2].
 * @param p  The exponent, above 0.
 * @param shape  The shape of the result.
 * @returns dtype[...shape].
 * @throws as `gamma`.
 * @see jax.random.generalized_normal.
 */
export function generalizedNormal(
  key: Key,
  p: number,
  shape: readonly number[] = [],
  options: DTypeOption = {},
): Tensor {
  requireOptions(options, ['dtype'], 'random.generalizedNormal');
  return drawGeneralized(key, p, shape, options, 'random.generalizedNormal');
}

function drawGeneralized(
  key: Key,
  p: number,
  shape: readonly number[],
  options: DTypeOption,
  op: string,
): Tensor {
  requireKey(key, op);
  requirePositive('p', p, op);
  const [forGamma, forSign] = splitPair(key);
  const magnitude = drawGamma(forGamma, 1 / p, shape, options, op, false).pow(1 / p);
  return magnitude.mul(drawSigns(forSign, shape, magnitude.dtype, op));
}

export interface BallOptions extends DTypeOption {
  /** The exponent of the norm; 2 unless given. */
  readonly p?: number | undefined;
  /** The shape of the result without its last axis; [] unless given. */
  readonly shape?: readonly number[] | undefined;
}

/**
 * Draws vectors uniformly from the unit ball of a p-norm.
 *
 * @param key  uint32[2].
 * @param d  The length of the vectors.
 * @returns dtype[...shape, d].
 * @throws as `gamma`.
 * @see jax.random.ball.
 */
export function ball(key: Key, d: number, options: BallOptions = {}): Tensor {
  const op = 'random.ball';
  requireOptions(options, ['p', 'shape', 'dtype'], op);
  const { p = 2, shape = [], dtype = 'float32' } = options;
  requireKey(key, op);
  requirePositive('p', p, op);
  requireShape(shape, op);
  requireShape([...shape, d], op);
  const [forDirection, forRadius] = splitPair(key);
  const drawn = drawGeneralized(forDirection, p, [...shape, d], { dtype }, op);
  const radius = drawn
    .abs()
    .pow(p)
    .sum(-1)
    .add(drawExponential(forRadius, shape, dtype, op))
    .pow(1 / p);
  return drawn.div(radius.unsqueeze(-1));
}

/**
 * Draws from the Maxwell distribution of scale 1: the lengths of normally distributed vectors in three dimensions.
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @returns dtype[...shape].
 * @throws ERR_DTYPE unless the dtype is real floating point; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single
 *   key.
 * @see jax.random.maxwell.
 */
export function maxwell(key: Key, shape: readonly number[] = [], options: DTypeOption = {}): Tensor {
  const op = 'random.maxwell';
  requireOptions(options, ['dtype'], op);
  requireShape(shape, op);
  return drawMaxwell(key, shape, options, op);
}

function drawMaxwell(key: Key, shape: readonly number[], options: DTypeOption, op: string): Tensor {
  requireFloating(options.dtype ?? 'float32', op);
  return linalgVectorNorm(drawNormal(key, [...shape, 3], options.dtype ?? 'float32', op), 2, [-1]);
}

/**
 * Draws from the double-sided Maxwell distribution.
 *
 * @param key  uint32[2].
 * @param loc  The location, a number or a tensor.
 * @param scale  The scale, likewise.
 * @param shape  What stands before the axes of the parameters in the result. With [], the default, it is the shape to
 *   which the parameters broadcast, so that their axes stand there twice, as in JAX.
 * @returns dtype[...shape, ...parameters].
 * @throws as `maxwell`.
 * @see jax.random.double_sided_maxwell.
 */
export function doubleSidedMaxwell(
  key: Key,
  loc: Bound,
  scale: Bound,
  shape: readonly number[] = [],
  options: DTypeOption = {},
): Tensor {
  const op = 'random.doubleSidedMaxwell';
  requireOptions(options, ['dtype'], op);
  const { dtype = 'float32' } = options;
  requireKey(key, op);
  requireShape(shape, op);
  requireBound('loc', loc, op);
  requireBound('scale', scale, op);
  const inner = broadcastShape(shapeOf(loc), shapeOf(scale));
  const { values } = requireParameters(key, { loc, scale }, inner, dtype, op);
  const into = [...(shape.length === 0 ? inner : shape), ...inner];
  const [forMaxwell, forSign] = splitPair(key);
  const drawn = drawMaxwell(forMaxwell, into, { dtype }, op).mul(drawSigns(forSign, into, dtype, op));
  return drawn.mul(values.scale).add(values.loc);
}

/**
 * Draws from the Wald distribution of scale 1, also called inverse Gaussian.
 *
 * @param key  uint32[2].
 * @param mean  The mean, above 0; a tensor broadcasts to `shape`.
 * @param shape  The shape of the result; that of `mean` unless given.
 * @returns dtype[...shape].
 * @throws ERR_SHAPE if `mean` does not broadcast; the rest as `maxwell`.
 * @see jax.random.wald.
 */
export function wald(key: Key, mean: Bound, shape?: readonly number[], options: DTypeOption = {}): Tensor {
  const op = 'random.wald';
  requireOptions(options, ['dtype'], op);
  const { dtype = 'float32' } = options;
  requireKey(key, op);
  const { shape: into, values } = requireParameters(key, { mean }, shape, dtype, op);
  const [forNormal, forUniform] = splitPair(key);
  const m = values.mean;
  const squared = m.square();
  const y = drawNormal(forNormal, into, dtype, op).square();
  const root = m.mul(y).mul(4).add(squared.mul(y.square())).sqrt();
  const x = m.add(squared.mul(y).div(2)).sub(m.div(2).mul(root));
  const isSmaller = drawUniform(forUniform, into, { dtype }, op).le(m.div(m.add(x)));
  return where(isSmaller, x, squared.div(x));
}

/**
 * Draws from the Weibull distribution.
 *
 * @param key  uint32[2].
 * @param scale  The scale, above 0: a number or a tensor.
 * @param concentration  The shape parameter, above 0, likewise.
 * @param shape  The shape in which to draw, [] unless given; the parameters broadcast with what was drawn.
 * @returns A tensor of the dtype.
 * @throws ERR_SHAPE if the shapes do not broadcast together; the rest as `maxwell`.
 * @see jax.random.weibull_min.
 */
export function weibullMin(
  key: Key,
  scale: Bound,
  concentration: Bound,
  shape: readonly number[] = [],
  options: DTypeOption = {},
): Tensor {
  const op = 'random.weibullMin';
  requireOptions(options, ['dtype'], op);
  const { dtype = 'float32' } = options;
  requireKey(key, op);
  requireShape(shape, op);
  requireBound('scale', scale, op);
  requireBound('concentration', concentration, op);
  const into = [shape, shapeOf(scale), shapeOf(concentration)].reduce(broadcastShape);
  requireBroadcast('shape', shape, into, op);
  const { values } = requireParameters(key, { scale, concentration }, into, dtype, op);
  return drawExponential(key, shape, dtype, op)
    .pow(values.concentration.reciprocal())
    .mul(asTensor(values.scale, dtype, key.device));
}
