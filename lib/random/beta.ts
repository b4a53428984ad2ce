import { ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import type { Tensor } from '../tensor/tensor';
import {
  requireBroadcast,
  requireParameter,
  requireParameters,
  requireShape,
  type Bound,
  type DTypeOption,
} from './arguments';
import { drawGamma } from './gamma';
import { requireKey, splitPair, type Key } from './key';
import { normal } from './normal';

/**
 * Draws from the beta distribution.
 *
 * @param key  uint32[2].
 * @param a  The first parameter, above 0; a tensor broadcasts to `shape`.
 * @param b  The second parameter, likewise.
 * @param shape  The shape of the result; that to which the parameters broadcast unless given.
 * @returns dtype[...shape], in [0, 1]; differentiable with respect to the parameters.
 * @throws as `gamma`.
 * @see jax.random.beta.
 */
export function beta(
  key: Key,
  a: Bound,
  b: Bound,
  shape?: readonly number[],
  options: DTypeOption = {},
): Tensor {
  const op = 'random.beta';
  requireOptions(options, ['dtype'], op);
  requireKey(key, op);
  const drawing = requireParameters(key, { a, b }, shape, options.dtype ?? 'float32', op);
  const [forA, forB] = splitPair(key);
  const logA = drawGamma(forA, drawing.values.a, drawing.shape, options, op, true);
  const logB = drawGamma(forB, drawing.values.b, drawing.shape, options, op, true);
  const largest = logA.maximum(logB);
  const scaledA = logA.sub(largest).exp();
  return scaledA.div(scaledA.add(logB.sub(largest).exp()));
}

/**
 * Draws vectors of probabilities from the Dirichlet distribution.
 *
 * @param key  uint32[2].
 * @param alpha  float[..., n], above 0: the concentration of each of the n probabilities.
 * @param shape  The shape of the result without its last axis, to which `alpha` without its last axis broadcasts;
 *   that of `alpha` unless given.
 * @returns dtype[...shape, n]; along the last axis they sum to 1.
 * @throws ERR_SHAPE unless `alpha` has an axis and broadcasts; the rest as `gamma`.
 * @see jax.random.dirichlet.
 */
export function dirichlet(
  key: Key,
  alpha: Tensor,
  shape?: readonly number[],
  options: DTypeOption = {},
): Tensor {
  const op = 'random.dirichlet';
  requireOptions(options, ['dtype'], op);
  requireKey(key, op);
  requireParameter('alpha', alpha, op);
  const n = lastAxis(alpha, 'alpha', op);
  const into = shape ?? alpha.shape.slice(0, -1);
  requireShape(into, op);
  requireBroadcast('alpha', alpha.shape.slice(0, -1), into, op);
  return drawGamma(key, alpha, [...into, n], options, op, true).softmax(-1);
}

/**
 * Draws from the t distribution.
 *
 * @param key  uint32[2].
 * @param df  The degrees of freedom, above 0; a tensor broadcasts to `shape`.
 * @param shape  The shape of the result; that of `df` unless given.
 * @returns dtype[...shape].
 * @throws as `gamma`.
 * @see jax.random.t.
 */
export function t(key: Key, df: Bound, shape?: readonly number[], options: DTypeOption = {}): Tensor {
  const op = 'random.t';
  requireOptions(options, ['dtype'], op);
  requireKey(key, op);
  const drawing = requireParameters(key, { df }, shape, options.dtype ?? 'float32', op);
  const [forNormal, forGamma] = splitPair(key);
  const half = drawing.values.df.div(2);
  const drawn = drawGamma(forGamma, half, drawing.shape, options, op, false);
  return normal(forNormal, drawing.shape, options).mul(half.div(drawn).sqrt());
}

/**
 * Draws from the chi-square distribution.
 *
 * @param key  uint32[2].
 * @param df  The degrees of freedom, above 0; a tensor broadcasts to `shape`.
 * @param shape  The shape of the result; that of `df` unless given.
 * @returns dtype[...shape].
 * @throws as `gamma`.
 * @see jax.random.chisquare.
 */
export function chisquare(key: Key, df: Bound, shape?: readonly number[], options: DTypeOption = {}): Tensor {
  requireOptions(options, ['dtype'], 'random.chisquare');
  return drawChisquare(key, df, shape, options, 'random.chisquare');
}

function drawChisquare(
  key: Key,
  df: Bound,
  shape: readonly number[] | undefined,
  options: DTypeOption,
  op: string,
): Tensor {
  requireKey(key, op);
  const drawing = requireParameters(key, { df }, shape, options.dtype ?? 'float32', op);
  return drawGamma(key, drawing.values.df.div(2), drawing.shape, options, op, true).exp().mul(2);
}

/**
 * Draws from the F distribution.
 *
 * @param key  uint32[2].
 * @param dfnum  The degrees of freedom of the numerator, above 0; a tensor broadcasts to `shape`.
 * @param dfden  Those of the denominator, likewise.
 * @param shape  The shape of the result; that to which the parameters broadcast unless given.
 * @returns dtype[...shape].
 * @throws as `gamma`.
 * @see jax.random.f.
 */
export function f(
  key: Key,
  dfnum: Bound,
  dfden: Bound,
  shape?: readonly number[],
  options: DTypeOption = {},
): Tensor {
  const op = 'random.f';
  requireOptions(options, ['dtype'], op);
  requireKey(key, op);
  const drawing = requireParameters(key, { dfnum, dfden }, shape, options.dtype ?? 'float32', op);
  const [forDenominator, forNumerator] = splitPair(key);
  const { values } = drawing;
  const numerator = drawChisquare(forNumerator, values.dfnum, drawing.shape, options, op).div(values.dfnum);
  return numerator.div(
    drawChisquare(forDenominator, values.dfden, drawing.shape, options, op).div(values.dfden),
  );
}

/** The size of a tensor's last axis. */
function lastAxis(x: Tensor, name: string, op: string): number {
  const size = x.shape.at(-1);
  if (size !== undefined) return size;
  throw new ShapeError(`${op}: expected ${name} with at least one axis, got a scalar.`, { op });
}
