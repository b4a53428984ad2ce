import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import type { Tensor } from '../tensor/tensor';
import {
  requireDtypes,
  requireFlags,
  requireNumbers,
  requireState,
  type GradientTransformation,
} from './base';
import {
  addScaled,
  average,
  averageOfSquares,
  BiasCorrection,
  kept,
  oneMinus,
  plus,
  squareOf,
  times,
  type Scalar,
} from './scalar';
import { countFor, fullFor, increment, Updates, zerosFor } from './updates';

/** The decays and offsets that the relatives of Adam share. */
export interface MomentOptions {
  /** The decay of the mean of gradients. */
  readonly b1?: Scalar | undefined;
  /** The decay of the second mean. */
  readonly b2?: Scalar | undefined;
  /** Added outside of the square root. */
  readonly eps?: Scalar | undefined;
}

export interface AmsgradOptions extends MomentOptions {
  /** Added inside of the square root; 0 unless given. */
  readonly epsRoot?: Scalar | undefined;
  /** The dtype in which the mean of gradients is kept; that of the parameters unless given. */
  readonly muDtype?: DType | undefined;
  /** Whether to make up for the start of the mean of gradients; true unless given. */
  readonly biasCorrectionMu?: boolean | undefined;
  /** Whether to make up for the start of the mean of squares; true unless given. */
  readonly biasCorrectionNu?: boolean | undefined;
}

/** The names of the options. */
export const amsgradOptions = [
  'b1',
  'b2',
  'eps',
  'epsRoot',
  'muDtype',
  'biasCorrectionMu',
  'biasCorrectionNu',
];

/**
 * As `scaleByAdam`, but divides by the largest mean of squares so far.
 *
 * The state is `{ count, mu, nu, nuMax }`. b1 is 0.9, b2 0.999 and eps 1e-8 unless given.
 *
 * @see optax.scale_by_amsgrad; Reddi et al. 2018.
 */
export function scaleByAmsgrad(options: AmsgradOptions = {}): GradientTransformation {
  const op = 'optim.scaleByAmsgrad';
  requireOptions(options, amsgradOptions, op);
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0, muDtype } = options;
  const { biasCorrectionMu = true, biasCorrectionNu = true } = options;
  requireNumbers({ b1, b2, eps, epsRoot }, op);
  requireFlags({ biasCorrectionMu, biasCorrectionNu }, op);
  requireDtypes({ muDtype }, op);
  return {
    init: (params) => ({
      count: countFor(params),
      mu: zerosFor(params, muDtype),
      nu: zerosFor(params),
      nuMax: zerosFor(params),
    }),
    update(updates, state) {
      const { count: before, mu, nu, nuMax } = requireState(state, ['count', 'mu', 'nu', 'nuMax'], op);
      const count = increment(before as Tensor);
      const first = new BiasCorrection(b1, count);
      const second = new BiasCorrection(b2, count);
      const step = (update: Tensor, m: Tensor, v: Tensor, most: Tensor): readonly Tensor[] => {
        const nextM = average(m, update, b1);
        const nextV = averageOfSquares(v, update, b2);
        const nextMost = most.maximum(biasCorrectionNu ? second.correct(nextV) : nextV);
        const mean = biasCorrectionMu ? first.correct(nextM) : nextM;
        return [mean.div(plus(plus(nextMost, epsRoot).sqrt(), eps)), kept(nextM, m.dtype), nextV, nextMost];
      };
      const [changed, nextMu = mu, nextNu = nu, nextMax = nuMax] = new Updates(updates, op).mapToSeveral(
        step,
        {
          mu,
          nu,
          nuMax,
        },
      );
      return [changed as typeof updates, { count, mu: nextMu, nu: nextNu, nuMax: nextMax }];
    },
  };
}

/** The names of the options. */
export const adamaxOptions = ['b1', 'b2', 'eps'];

/**
 * As `scaleByAdam`, but divides by a decaying maximum of the gradients' sizes.
 *
 * The state is `{ count, mu, nu }`. b1 is 0.9, b2 0.999 and eps, which is added to the sizes, 1e-8 unless given.
 *
 * @see optax.scale_by_adamax; Kingma and Ba 2014, arXiv:1412.6980, algorithm 2.
 */
export function scaleByAdamax(options: MomentOptions = {}): GradientTransformation {
  const op = 'optim.scaleByAdamax';
  requireOptions(options, adamaxOptions, op);
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8 } = options;
  requireNumbers({ b1, b2, eps }, op);
  return {
    init: (params) => ({ count: countFor(params), mu: zerosFor(params), nu: zerosFor(params) }),
    update(updates, state) {
      const { count: before, mu, nu } = requireState(state, ['count', 'mu', 'nu'], op);
      const count = increment(before as Tensor);
      const first = new BiasCorrection(b1, count);
      const step = (update: Tensor, m: Tensor, v: Tensor): readonly Tensor[] => {
        const nextM = average(m, update, b1);
        const nextV = plus(update.abs(), eps).maximum(times(v, b2));
        return [first.correct(nextM).div(nextV), nextM, nextV];
      };
      const [changed, nextMu = mu, nextNu = nu] = new Updates(updates, op).mapToSeveral(step, { mu, nu });
      return [changed as typeof updates, { count, mu: nextMu, nu: nextNu }];
    },
  };
}

export interface BeliefOptions extends MomentOptions {
  /** Added to the mean of squares in every step; 1e-16 unless given. */
  readonly epsRoot?: Scalar | undefined;
  /** Whether to look one step ahead, as Nesterov does; false unless given. */
  readonly nesterov?: boolean | undefined;
}

/** The names of the options. */
export const beliefOptions = ['b1', 'b2', 'eps', 'epsRoot', 'nesterov'];

/**
 * As `scaleByAdam`, but divides by how far gradients lie from their mean.
 *
 * The state is `{ count, mu, nu }`. b1 is 0.9, b2 0.999 and eps 1e-16 unless given.
 *
 * @see optax.scale_by_belief; Zhuang et al. 2020, arXiv:2010.07468.
 */
export function scaleByBelief(options: BeliefOptions = {}): GradientTransformation {
  const op = 'optim.scaleByBelief';
  requireOptions(options, beliefOptions, op);
  const { b1 = 0.9, b2 = 0.999, eps = 1e-16, epsRoot = 1e-16, nesterov = false } = options;
  requireNumbers({ b1, b2, eps, epsRoot }, op);
  requireFlags({ nesterov }, op);
  return {
    init: (params) => ({ count: countFor(params), mu: zerosFor(params), nu: zerosFor(params) }),
    update(updates, state) {
      const { count: before, mu, nu } = requireState(state, ['count', 'mu', 'nu'], op);
      const count = increment(before as Tensor);
      const first = new BiasCorrection(b1, count);
      const ahead = nesterov ? new BiasCorrection(b1, increment(count)) : first;
      const second = new BiasCorrection(b2, count);
      const step = (update: Tensor, m: Tensor, v: Tensor): readonly Tensor[] => {
        const nextM = average(m, update, b1);
        const nextV = plus(averageOfSquares(v, update.sub(nextM), b2), epsRoot);
        const corrected = ahead.correct(nextM);
        const mean = nesterov ? average(corrected, first.correct(update), b1) : corrected;
        return [mean.div(plus(second.correct(nextV).sqrt(), eps)), nextM, nextV];
      };
      const [changed, nextMu = mu, nextNu = nu] = new Updates(updates, op).mapToSeveral(step, { mu, nu });
      return [changed as typeof updates, { count, mu: nextMu, nu: nextNu }];
    },
  };
}

export interface YogiOptions extends MomentOptions {
  /** Added inside of the square root; 0 unless given. */
  readonly epsRoot?: Scalar | undefined;
  /** What the means begin with; 1e-6 unless given. */
  readonly initialAccumulatorValue?: Scalar | undefined;
}

/** The names of the options. */
export const yogiOptions = ['b1', 'b2', 'eps', 'epsRoot', 'initialAccumulatorValue'];

/**
 * As `scaleByAdam`, but the mean of squares moves by what is proportional to the squares only.
 *
 * The state is `{ count, mu, nu }`. b1 is 0.9, b2 0.999 and eps 1e-3 unless given.
 *
 * @see optax.scale_by_yogi; Zaheer et al. 2018.
 */
export function scaleByYogi(options: YogiOptions = {}): GradientTransformation {
  const op = 'optim.scaleByYogi';
  requireOptions(options, yogiOptions, op);
  const { b1 = 0.9, b2 = 0.999, eps = 1e-3, epsRoot = 0, initialAccumulatorValue = 1e-6 } = options;
  requireNumbers({ b1, b2, eps, epsRoot, initialAccumulatorValue }, op);
  return {
    init: (params) => ({
      count: countFor(params),
      mu: fullFor(params, initialAccumulatorValue),
      nu: fullFor(params, initialAccumulatorValue),
    }),
    update(updates, state) {
      const { count: before, mu, nu } = requireState(state, ['count', 'mu', 'nu'], op);
      const count = increment(before as Tensor);
      const first = new BiasCorrection(b1, count);
      const second = new BiasCorrection(b2, count);
      const step = (update: Tensor, m: Tensor, v: Tensor): readonly Tensor[] => {
        const nextM = average(m, update, b1);
        const square = squareOf(update);
        const nextV = v.sub(times(v.sub(square).sign(), oneMinus(b2)).mul(square));
        const root = plus(second.correct(nextV), epsRoot).sqrt();
        return [first.correct(nextM).div(plus(root, eps)), nextM, nextV];
      };
      const [changed, nextMu = mu, nextNu = nu] = new Updates(updates, op).mapToSeveral(step, { mu, nu });
      return [changed as typeof updates, { count, mu: nextMu, nu: nextNu }];
    },
  };
}

export interface AdanOptions extends MomentOptions {
  /** The decay of the mean of squares; 0.99 unless given. */
  readonly b3?: Scalar | undefined;
  /** Added inside of the square root; 0 unless given. */
  readonly epsRoot?: Scalar | undefined;
}

/** The names of the options. */
export const adanOptions = ['b1', 'b2', 'b3', 'eps', 'epsRoot'];

/**
 * Adam with Nesterov's momentum, estimated from the difference of successive gradients.
 *
 * The state is `{ m, v, n, g, t }`: the means of gradients, differences and squares, the last gradients, the count.
 * b1 is 0.98, b2 0.92 and eps 1e-8 unless given.
 *
 * @see optax.scale_by_adan; Xie et al. 2022, arXiv:2208.06677.
 */
export function scaleByAdan(options: AdanOptions = {}): GradientTransformation {
  const op = 'optim.scaleByAdan';
  requireOptions(options, adanOptions, op);
  const { b1 = 0.98, b2 = 0.92, b3 = 0.99, eps = 1e-8, epsRoot = 0 } = options;
  requireNumbers({ b1, b2, b3, eps, epsRoot }, op);
  return {
    init: (params) => ({
      m: zerosFor(params),
      v: zerosFor(params),
      n: zerosFor(params),
      g: zerosFor(params),
      t: countFor(params),
    }),
    update(updates, state) {
      const { m, v, n, g, t: before } = requireState(state, ['m', 'v', 'n', 'g', 't'], op);
      const isFirst = (before as Tensor).eq(0);
      const t = increment(before as Tensor);
      const [first, second, third] = [b1, b2, b3].map((decay) => new BiasCorrection(decay, t));
      const step = (update: Tensor, ...[mean, change, square, last]: Tensor[]): readonly Tensor[] => {
        const difference = update.sub(last!).maskedFill(isFirst, 0);
        const nextM = average(mean!, update, b1);
        const nextV = average(change!, difference, b2);
        const nextN = averageOfSquares(square!, addScaled(update, difference, oneMinus(b2)), b3);
        const direction = addScaled(first!.correct(nextM), second!.correct(nextV), oneMinus(b2));
        const root = plus(third!.correct(nextN), epsRoot).sqrt();
        return [direction.div(plus(root, eps)), nextM, nextV, nextN, update];
      };
      const results = new Updates(updates, op).mapToSeveral(step, { m, v, n, g });
      const [changed, nextM = m, nextV = v, nextN = n, nextG = g] = results;
      return [changed as typeof updates, { m: nextM, v: nextV, n: nextN, g: nextG, t }];
    },
  };
}
