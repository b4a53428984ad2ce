import { requireOptions } from '../base/options';
import type { Tensor } from '../tensor/tensor';
import { requireFlags, requireNumbers, requireState, type GradientTransformation, type State } from './base';
import { average, averageOfSquares, BiasCorrection, isComplex, plus, squareOf, type Scalar } from './scalar';
import { countFor, fullFor, increment, Updates, zerosFor } from './updates';

export interface RssOptions {
  /** What the sums begin with; 0.1 unless given. */
  readonly initialAccumulatorValue?: Scalar | undefined;
  /** Added inside of the square root; 1e-7 unless given. */
  readonly eps?: Scalar | undefined;
}

/** The names of the options. */
export const rssOptions = ['initialAccumulatorValue', 'eps'];

/**
 * Divides by the root of the sum of all squared gradients.
 *
 * The state is `{ sumOfSquares }`, a tree like the parameters.
 *
 * @see optax.scale_by_rss; Duchi et al. 2011 (Adagrad).
 */
export function scaleByRss(options: RssOptions = {}): GradientTransformation {
  const op = 'optim.scaleByRss';
  requireOptions(options, rssOptions, op);
  const { initialAccumulatorValue = 0.1, eps = 1e-7 } = options;
  requireNumbers({ initialAccumulatorValue, eps }, op);
  return {
    init: (params) => ({ sumOfSquares: fullFor(params, initialAccumulatorValue) }),
    update(updates, state) {
      const { sumOfSquares } = requireState(state, ['sumOfSquares'], op);
      const step = (update: Tensor, sum: Tensor): readonly Tensor[] => {
        const next = sum.add(squareOf(update));
        return [update.mul(inverseRoot(next, eps)), next];
      };
      const [changed, next = sumOfSquares] = new Updates(updates, op).mapToSeveral(step, { sumOfSquares });
      return [changed as typeof updates, { sumOfSquares: next }];
    },
  };
}

/** 1 / sqrt(x + eps) where x is positive, else 0. */
export function inverseRoot(x: Tensor, eps: Scalar): Tensor {
  const isPositive = (isComplex(x) ? x.abs() : x).gt(0);
  return plus(x, eps).rsqrt().maskedFill(isPositive.logicalNot(), 0);
}

export interface RmsOptions {
  /** The decay of the mean of squared gradients; 0.9 unless given. */
  readonly decay?: Scalar | undefined;
  /** Added so as not to divide by zero; 1e-8 unless given. */
  readonly eps?: Scalar | undefined;
  /** What the mean begins with; 0 unless given. */
  readonly initialScale?: Scalar | undefined;
  /** Whether `eps` stands inside of the square root, as in TensorFlow, or outside, as in PyTorch; true unless given. */
  readonly epsInSqrt?: boolean | undefined;
  /** Whether to make up for the mean's start; false unless given. */
  readonly biasCorrection?: boolean | undefined;
}

/** The names of the options. */
export const rmsOptions = ['decay', 'eps', 'initialScale', 'epsInSqrt', 'biasCorrection'];

/**
 * Divides by the root of the decaying mean of squared gradients.
 *
 * The state is `{ nu }`, with `count` where the bias is corrected.
 *
 * @see optax.scale_by_rms; Tieleman and Hinton 2012 (RMSprop).
 */
export function scaleByRms(options: RmsOptions = {}): GradientTransformation {
  const op = 'optim.scaleByRms';
  requireOptions(options, rmsOptions, op);
  const { decay = 0.9, eps = 1e-8, initialScale = 0, epsInSqrt = true, biasCorrection = false } = options;
  requireNumbers({ decay, eps, initialScale }, op);
  requireFlags({ epsInSqrt, biasCorrection }, op);
  return {
    init: (params) => withCount(params, { nu: fullFor(params, initialScale) }, biasCorrection),
    update(updates, state) {
      const { nu } = requireState(state, biasCorrection ? ['count', 'nu'] : ['nu'], op);
      const [counted, correct] = counting(state, decay, biasCorrection);
      const step = (update: Tensor, v: Tensor): readonly Tensor[] => {
        const next = averageOfSquares(v, update, decay);
        return [scaled(update, correct(next), eps, epsInSqrt), next];
      };
      const [changed, next = nu] = new Updates(updates, op).mapToSeveral(step, { nu });
      return [changed as typeof updates, { ...counted, nu: next }];
    },
  };
}

/**
 * Divides by the decaying standard deviation of gradients.
 *
 * The state is `{ mu, nu }`, with `count` where the bias is corrected.
 *
 * @see optax.scale_by_stddev; Graves 2013, arXiv:1308.0850 (centred RMSprop).
 */
export function scaleByStddev(options: RmsOptions = {}): GradientTransformation {
  const op = 'optim.scaleByStddev';
  requireOptions(options, rmsOptions, op);
  const { decay = 0.9, eps = 1e-8, initialScale = 0, epsInSqrt = true, biasCorrection = false } = options;
  requireNumbers({ decay, eps, initialScale }, op);
  requireFlags({ epsInSqrt, biasCorrection }, op);
  return {
    init: (params) =>
      withCount(params, { mu: zerosFor(params), nu: fullFor(params, initialScale) }, biasCorrection),
    update(updates, state) {
      const { mu, nu } = requireState(state, biasCorrection ? ['count', 'mu', 'nu'] : ['mu', 'nu'], op);
      const [counted, correct] = counting(state, decay, biasCorrection);
      const step = (update: Tensor, m: Tensor, v: Tensor): readonly Tensor[] => {
        const nextM = average(m, update, decay);
        const nextV = averageOfSquares(v, update, decay);
        const variance = correct(nextV).sub(squareOf(correct(nextM)));
        return [scaled(update, variance, eps, epsInSqrt), nextM, nextV];
      };
      const [changed, nextMu = mu, nextNu = nu] = new Updates(updates, op).mapToSeveral(step, { mu, nu });
      return [changed as typeof updates, { ...counted, mu: nextMu, nu: nextNu }];
    },
  };
}

function scaled(update: Tensor, meanSquare: Tensor, eps: Scalar, epsInSqrt: boolean): Tensor {
  return epsInSqrt ? update.mul(plus(meanSquare, eps).rsqrt()) : update.div(plus(meanSquare.sqrt(), eps));
}

function withCount(params: unknown, state: State, isCounted: boolean): State {
  return isCounted ? { count: countFor(params), ...(state as object) } : state;
}

/** The next count as a part of the state, and the correction of bias that goes with it; neither unless wanted. */
function counting(
  state: State,
  decay: Scalar,
  isCounted: boolean,
): readonly [counted: object, correct: (mean: Tensor) => Tensor] {
  if (!isCounted) return [{}, (mean) => mean];
  const count = increment((state as { readonly count: Tensor }).count);
  const correction = new BiasCorrection(decay, count);
  return [{ count }, (mean) => correction.correct(mean)];
}
