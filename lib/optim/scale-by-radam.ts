import { requireOptions } from '../base/options';
import { pow, to } from '../ops';
import { Tensor } from '../tensor/tensor';
import { requireFlags, requireNumbers, requireState, type GradientTransformation } from './base';
import { average, averageOfSquares, BiasCorrection, inDType, kept, plus, type Scalar } from './scalar';
import type { MomentOptions } from './scale-by-adam-variants';
import { countFor, increment, Updates, zerosFor } from './updates';

export interface RadamOptions extends MomentOptions {
  /** Added inside of the square root; 0 unless given. */
  readonly epsRoot?: Scalar | undefined;
  /** From which length of the mean of squares on it is trusted; 5 unless given. */
  readonly threshold?: Scalar | undefined;
  /** Whether to look one step ahead, as Nesterov does; false unless given. */
  readonly nesterov?: boolean | undefined;
}

/** The names of the options. */
export const radamOptions = ['b1', 'b2', 'eps', 'epsRoot', 'threshold', 'nesterov'];

/**
 * As `scaleByAdam`, with a factor for how well the mean of squares is known, and by the mean of gradients alone as long
 * as it is not.
 *
 * The state is `{ count, mu, nu }`. b1 is 0.9, b2 0.999 and eps 1e-8 unless given.
 *
 * @see optax.scale_by_radam; Liu et al. 2020, arXiv:1908.03265.
 */
export function scaleByRadam(options: RadamOptions = {}): GradientTransformation {
  const op = 'optim.scaleByRadam';
  requireOptions(options, radamOptions, op);
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0, threshold = 5, nesterov = false } = options;
  requireNumbers({ b1, b2, eps, epsRoot, threshold }, op);
  requireFlags({ nesterov }, op);
  return {
    init: (params) => ({ count: countFor(params), mu: zerosFor(params), nu: zerosFor(params) }),
    update(updates, state) {
      const { count: before, mu, nu } = requireState(state, ['count', 'mu', 'nu'], op);
      const count = increment(before as Tensor);
      const first = new BiasCorrection(b1, count);
      const ahead = nesterov ? new BiasCorrection(b1, increment(count)) : first;
      const second = new BiasCorrection(b2, count);
      const [length, factor] = rectification(b2, count);
      const isTrusted = length.ge(inDType(threshold, length));
      const step = (update: Tensor, m: Tensor, v: Tensor): readonly Tensor[] => {
        const nextM = average(m, update, b1);
        const nextV = averageOfSquares(v, update, b2);
        const corrected = ahead.correct(nextM);
        const mean = nesterov ? average(corrected, first.correct(update), b1) : corrected;
        const root = plus(plus(second.correct(nextV), epsRoot).sqrt(), eps);
        const rectified = mean.mul(kept(factor, mean.dtype)).div(root);
        return [isTrusted.where(rectified, mean), nextM, nextV];
      };
      const [changed, nextMu = mu, nextNu = nu] = new Updates(updates, op).mapToSeveral(step, { mu, nu });
      return [changed as typeof updates, { count, mu: nextMu, nu: nextNu }];
    },
  };
}

/** The length of the simple mean that has the variance of the decaying one, and the factor that makes up for it. */
function rectification(b2: Scalar, count: Tensor): readonly [length: Tensor, factor: Tensor] {
  const base = b2 instanceof Tensor ? kept(b2, 'float64') : Math.fround(b2);
  const power = to(pow(base as Tensor, to(count, 'float64')), 'float32');
  const longest =
    b2 instanceof Tensor ? kept(b2, 'float32').rsub(1).reciprocal().mul(2).sub(1) : 2 / (1 - b2) - 1;
  const lost = to(count, 'float32').mul(2).mul(power).div(power.rsub(1));
  const length = longest instanceof Tensor ? longest.sub(lost) : lost.rsub(longest);
  const limit =
    longest instanceof Tensor ? longest.sub(4).mul(longest.sub(2)) : (longest - 4) * (longest - 2);
  const ratio = length.sub(4).mul(length.sub(2)).mul(longest).div(length.mul(limit));
  return [length, ratio.sqrt()];
}
