import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import { to } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { addDecayedWeights } from './add-decayed-weights';
import type { DecayOptions } from './alias';
import {
  requireDtypes,
  requireFlags,
  requireFunction,
  requireNumbers,
  requireScalarOrSchedule,
  requireState,
  type GradientTransformation,
  type ScalarOrSchedule,
} from './base';
import { chain } from './chain';
import { scaleByLearningRate } from './scale';
import { average, averageOfSquares, BiasCorrection, kept, plus, times, type Scalar } from './scalar';
import { countFor, increment, Updates, zerosFor } from './updates';

export interface AdoptOptions {
  /** The decay of the mean of scaled gradients; 0.9 unless given. */
  readonly b1?: number | undefined;
  /** The decay of the mean of squared gradients; 0.9999 unless given. */
  readonly b2?: number | undefined;
  /** The least root to divide by; 1e-6 unless given. */
  readonly eps?: number | undefined;
  /** The dtype in which the first mean is kept; that of the parameters unless given. */
  readonly muDtype?: DType | undefined;
  /** Whether to look one step ahead, as Nesterov does; false unless given. */
  readonly nesterov?: boolean | undefined;
  /** Whether scaled gradients are limited; true unless given. */
  readonly useClipping?: boolean | undefined;
  /** From the count of steps before, float32[], to the limit; the fourth root unless given. */
  readonly clipValueFn?: ((count: Tensor) => Tensor) | undefined;
}

const adoptOptions = ['b1', 'b2', 'eps', 'muDtype', 'nesterov', 'useClipping', 'clipValueFn'];

/**
 * As `scaleByAdam`, but divides by the mean of squares before the mean of gradients is taken, and by that of the last
 * step.
 *
 * The state is `{ count, mu, nu }`.
 *
 * @see optax.contrib.scale_by_adopt; Taniguchi et al. 2024, arXiv:2411.02853.
 */
export function scaleByAdopt(options: AdoptOptions = {}): GradientTransformation {
  const op = 'optim.scaleByAdopt';
  requireOptions(options, adoptOptions, op);
  const { b1 = 0.9, b2 = 0.9999, eps = 1e-6, muDtype, nesterov = false, useClipping = true } = options;
  const { clipValueFn = (count: Tensor) => count.pow(0.25) } = options;
  requireFunction('clipValueFn', clipValueFn, op);
  requireNumbers({ b1, b2, eps }, op);
  requireFlags({ nesterov, useClipping }, op);
  requireDtypes({ muDtype }, op);
  return {
    init: (params) => ({ count: countFor(params), mu: zerosFor(params, muDtype), nu: zerosFor(params) }),
    update(updates, state) {
      const { count: before, mu, nu } = requireState(state, ['count', 'mu', 'nu'], op);
      const count = before as Tensor;
      // The first step only sets the mean of squares.
      const hasPast = to(count.gt(0), 'float32');
      const squareDecay = hasPast.mul(b2);
      const meanDecay = hasPast.mul(b1 - 1).add(1);
      const limit = useClipping ? clipValueFn(to(count, 'float32')) : undefined;
      const step = (update: Tensor, m: Tensor, v: Tensor): readonly Tensor[] => {
        const scaled = update.div(v.sqrt().clampMin(eps));
        const most = limit === undefined ? undefined : kept(limit, update.dtype);
        const limited = most === undefined ? scaled : scaled.minimum(most).maximum(most.neg());
        const next = average(m, limited, meanDecay);
        const changed = nesterov ? average(next, limited, meanDecay) : next;
        return [changed, kept(next, m.dtype), averageOfSquares(v, update, squareDecay)];
      };
      const [changed, nextMu = mu, nextNu = nu] = new Updates(updates, op).mapToSeveral(step, { mu, nu });
      return [changed as typeof updates, { count: increment(count), mu: nextMu, nu: nextNu }];
    },
  };
}

/**
 * ADOPT: Adam that converges for every second decay.
 *
 * @see optax.contrib.adopt; Taniguchi et al. 2024, arXiv:2411.02853.
 */
export function adopt(learningRate: ScalarOrSchedule, options: AdoptOptions = {}): GradientTransformation {
  requireOptions(options, adoptOptions, 'optim.adopt');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.adopt');
  return chain(scaleByAdopt(options), scaleByLearningRate(learningRate));
}

export interface AdemamixOptions {
  /** The decay of the fast mean of gradients; 0.9 unless given. */
  readonly b1?: Scalar | undefined;
  /** The decay of the mean of squared gradients; 0.999 unless given. */
  readonly b2?: Scalar | undefined;
  /** The decay of the slow mean of gradients, or a schedule of it; 0.9999 unless given. */
  readonly b3?: ScalarOrSchedule | undefined;
  /** How much the slow mean counts, or a schedule of it. */
  readonly alpha?: ScalarOrSchedule | undefined;
  /** Added outside of the square root; 1e-8 unless given. */
  readonly eps?: Scalar | undefined;
  /** Added inside of the square root; 0 unless given. */
  readonly epsRoot?: Scalar | undefined;
  /** The dtype in which the means are kept; that of the parameters unless given. */
  readonly muDtype?: DType | undefined;
}

const ademamixOptions = ['b1', 'b2', 'b3', 'alpha', 'eps', 'epsRoot', 'muDtype'];

/**
 * As `scaleByAdam`, with a second mean of gradients that remembers longer. alpha is 6 unless given.
 *
 * The state is `{ count, countM2, m1, m2, nu }`.
 *
 * @see optax.contrib.scale_by_ademamix; Pagliardini et al. 2024, arXiv:2409.03137.
 */
export function scaleByAdemamix(options: AdemamixOptions = {}): GradientTransformation {
  const op = 'optim.scaleByAdemamix';
  requireOptions(options, ademamixOptions, op);
  const { b1 = 0.9, b2 = 0.999, b3 = 0.9999, alpha = 6, eps = 1e-8, epsRoot = 0, muDtype } = options;
  requireNumbers({ b1, b2, eps, epsRoot }, op);
  requireScalarOrSchedule('b3', b3, op);
  requireScalarOrSchedule('alpha', alpha, op);
  requireDtypes({ muDtype }, op);
  return {
    init: (params) => ({
      count: countFor(params),
      countM2: countFor(params),
      m1: zerosFor(params, muDtype),
      m2: zerosFor(params, muDtype),
      nu: zerosFor(params, muDtype),
    }),
    update(updates, state) {
      const before = requireState(state, ['count', 'countM2', 'm1', 'm2', 'nu'], op);
      const countM2 = before.countM2 as Tensor;
      const count = increment(before.count as Tensor);
      const slow = typeof b3 === 'function' ? b3(countM2) : b3;
      const share = typeof alpha === 'function' ? alpha(countM2) : alpha;
      const first = new BiasCorrection(b1, count);
      const second = new BiasCorrection(b2, count);
      const step = (update: Tensor, fastMean: Tensor, slowMean: Tensor, v: Tensor): readonly Tensor[] => {
        const nextFast = average(fastMean, update, b1);
        const nextSlow = average(slowMean, update, slow);
        const nextV = averageOfSquares(v, update, b2);
        const root = plus(plus(second.correct(nextV), epsRoot).sqrt(), eps);
        return [first.correct(nextFast).add(times(nextSlow, share)).div(root), nextFast, nextSlow, nextV];
      };
      const { m1, m2, nu } = before;
      const results = new Updates(updates, op).mapToSeveral(step, { m1, m2, nu });
      const [changed, nextFast = m1, nextSlow = m2, nextNu = nu] = results;
      const next = { count, countM2: increment(countM2), m1: nextFast, m2: nextSlow, nu: nextNu };
      return [changed as typeof updates, next];
    },
  };
}

/**
 * AdEMAMix, with decoupled weight decay, 0 unless given; alpha is 5 unless given. `update` needs the parameters.
 *
 * @see optax.contrib.ademamix; Pagliardini et al. 2024, arXiv:2409.03137.
 */
export function ademamix(
  learningRate: ScalarOrSchedule,
  options: AdemamixOptions & DecayOptions = {},
): GradientTransformation {
  requireOptions(options, [...ademamixOptions, 'weightDecay', 'mask'], 'optim.ademamix');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.ademamix');
  const { weightDecay = 0, mask, ...others } = options;
  return chain(
    scaleByAdemamix({ alpha: 5, ...others }),
    addDecayedWeights(weightDecay, { mask }),
    scaleByLearningRate(learningRate),
  );
}
