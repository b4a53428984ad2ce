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
import { average, averageOfSquares, BiasCorrection, kept, plus, type Scalar } from './scalar';
import { countFor, increment, Updates, zerosFor } from './updates';

export interface AdamOptions {
  /** The decay of the mean of gradients; 0.9 unless given. */
  readonly b1?: Scalar | undefined;
  /** The decay of the mean of squared gradients; 0.999 unless given. */
  readonly b2?: Scalar | undefined;
  /** Added outside of the square root; 1e-8 unless given. */
  readonly eps?: Scalar | undefined;
  /** Added inside of the square root, for gradients through the optimiser; 0 unless given. */
  readonly epsRoot?: Scalar | undefined;
  /** The dtype in which the mean of gradients is kept; that of the parameters unless given. */
  readonly muDtype?: DType | undefined;
  /** Whether to look one step ahead, as Nesterov does; false unless given. */
  readonly nesterov?: boolean | undefined;
}

/** The names of the options. */
export const adamOptions = ['b1', 'b2', 'eps', 'epsRoot', 'muDtype', 'nesterov'];

/**
 * Divides the mean of past gradients by the root of the mean of their squares, both corrected for starting at zero.
 *
 * The state is `{ count, mu, nu }`, as Optax's `ScaleByAdamState`: count int32[], mu and nu trees like the parameters.
 *
 * @see optax.scale_by_adam; Kingma and Ba 2014, arXiv:1412.6980, algorithm 1; Dozat 2016 for `nesterov`.
 */
export function scaleByAdam(options: AdamOptions = {}): GradientTransformation {
  const op = 'optim.scaleByAdam';
  requireOptions(options, adamOptions, op);
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0, muDtype, nesterov = false } = options;
  requireNumbers({ b1, b2, eps, epsRoot }, op);
  requireFlags({ nesterov }, op);
  requireDtypes({ muDtype }, op);
  return {
    init: (params) => ({ count: countFor(params), mu: zerosFor(params, muDtype), nu: zerosFor(params) }),
    update(updates, state) {
      const { count: before, mu, nu } = requireState(state, ['count', 'mu', 'nu'], op);
      const count = increment(before as Tensor);
      const ahead = new BiasCorrection(b1, nesterov ? increment(count) : count);
      const first = new BiasCorrection(b1, count);
      const second = new BiasCorrection(b2, count);

      const step = (gradient: Tensor, m: Tensor, v: Tensor): readonly Tensor[] => {
        const nextM = average(m, gradient, b1);
        const nextV = averageOfSquares(v, gradient, b2);
        let meanGradient = ahead.correct(nextM);
        if (nesterov) meanGradient = average(meanGradient, first.correct(gradient), b1);
        const root = plus(second.correct(nextV), epsRoot).sqrt();
        return [meanGradient.div(plus(root, eps)), kept(nextM, m.dtype), kept(nextV, v.dtype)];
      };
      const results = new Updates(updates, op).mapToSeveral(step, { mu, nu });
      const [direction, nextMu = mu, nextNu = nu] = results;
      return [direction as typeof updates, { count, mu: nextMu, nu: nextNu }];
    },
  };
}
