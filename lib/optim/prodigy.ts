import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { zeros } from '../ops';
import type { Tensor } from '../tensor/tensor';
import {
  requireNumbers,
  requireParams,
  requireScalarOrSchedule,
  requireState,
  type GradientTransformation,
  type ScalarOrSchedule,
} from './base';
import { describe } from '../tree';
import { innerProduct } from './dot';
import { average, averageOfSquares, BiasCorrection, kept, scalarLike } from './scalar';
import { countFor, increment, madeFor, numberFor, Updates, zerosFor } from './updates';

export interface ProdigyOptions {
  /** The decays of the means of gradients and of their squares; [0.9, 0.999] unless given. */
  readonly betas?: readonly [number, number] | undefined;
  /** The decay of the sums that estimate the distance; the root of the second decay unless given. */
  readonly beta3?: number | undefined;
  /** Added outside of the square root; 1e-8 unless given. */
  readonly eps?: number | undefined;
  /** The first estimate; 1e-6 unless given. */
  readonly estimLr0?: number | undefined;
  /** A factor of the estimates; 1 unless given. */
  readonly estimLrCoef?: number | undefined;
  /** How much of the parameters is taken off; 0 unless given. */
  readonly weightDecay?: number | undefined;
  /** Whether a learning rate that begins at 0 leaves the estimates as they are; false unless given. */
  readonly safeguardWarmup?: boolean | undefined;
}

/**
 * Adam with a learning rate that is estimated from how far the parameters have moved; `update` needs the parameters.
 *
 * The state is `{ expAvg, expAvgSq, gradSum, params0, estimLr, numeratorWeighted, count }`.
 *
 * @param learningRate  A factor, or a schedule of it; 1 unless given.
 * @throws ERR_ARGUMENT, in `update`, if it gets no parameters.
 * @see optax.contrib.prodigy; Mishchenko and Defazio 2023, arXiv:2306.06101.
 */
export function prodigy(
  learningRate: ScalarOrSchedule = 1,
  options: ProdigyOptions = {},
): GradientTransformation {
  const op = 'optim.prodigy';
  const own = ['betas', 'beta3', 'eps', 'estimLr0', 'estimLrCoef', 'weightDecay', 'safeguardWarmup'];
  requireOptions(options, own, op);
  const { betas = [0.9, 0.999], eps = 1e-8, estimLr0 = 1e-6, estimLrCoef = 1, weightDecay = 0 } = options;
  if (!Array.isArray(betas) || (betas as readonly unknown[]).length !== 2) {
    throw new ArgumentError(`${op}: expected betas to be two numbers, got ${describe(betas)}.`, { op });
  }
  const [b1, b2] = betas;
  requireNumbers({ b1, b2, eps, estimLr0, estimLrCoef, weightDecay }, op);
  requireScalarOrSchedule('learningRate', learningRate, op);
  const { beta3 = Math.sqrt(b2), safeguardWarmup = false } = options;
  requireNumbers({ beta3 }, op);
  const names = [
    'expAvg',
    'expAvgSq',
    'gradSum',
    'params0',
    'estimLr',
    'numeratorWeighted',
    'count',
  ] as const;
  return {
    init: (params) => ({
      expAvg: zerosFor(params),
      expAvgSq: zerosFor(params),
      gradSum: zerosFor(params),
      params0: madeFor(params, (param) => param.clone()),
      estimLr: numberFor(params, estimLr0),
      numeratorWeighted: numberFor(params, 0),
      count: countFor(params),
    }),
    update(updates, state, params) {
      requireParams(params, op);
      const before = requireState(state, names, op);
      const count = increment(before.count as Tensor);
      const estimate = before.estimLr as Tensor;
      const factor = typeof learningRate === 'function' ? learningRate(before.count as Tensor) : learningRate;
      const correction = new BiasCorrection(b2, count)
        .for(estimate)
        .sqrt()
        .div(new BiasCorrection(b1, count).for(estimate));
      const rate = estimate.mul(scalarLike(factor, estimate)).mul(correction);
      const grown = (safeguardWarmup ? estimate : rate).div(estimLr0);

      const all = new Updates(updates, op);
      const step = (update: Tensor, ...[mean, square, sum, start, param]: Tensor[]): readonly Tensor[] => {
        const scaled = update.mul(kept(estimate, update.dtype));
        return [
          average(mean!, scaled, b1),
          averageOfSquares(square!, scaled, b2),
          sum!.mul(beta3).add(scaled.mul(kept(grown, update.dtype))),
          start!.sub(param!),
        ];
      };
      const others = { expAvg: before.expAvg, expAvgSq: before.expAvgSq, gradSum: before.gradSum };
      const [expAvg, expAvgSq, gradSum, moved] = all.mapToSeveral(step, {
        ...others,
        params0: before.params0,
        params,
      });
      const product = innerProduct(all.tensors, new Updates(moved, op).tensors);
      const added = estimate.div(estimLr0).mul(rate).mul(product);
      const numerator = (before.numeratorWeighted as Tensor).mul(beta3).add(added);
      const sums = new Updates(gradSum, op).tensors.map((t) => t.abs().sum());
      const denominator = sums.reduce((total, sum) => total.add(sum), zeros([], { device: estimate.device }));
      const estimLr = estimate.maximum(numerator.mul(estimLrCoef).div(denominator));
      const changed = all.map(
        (update, mean, square, param) => {
          const direction = mean.div(square.sqrt().add(kept(estimLr.mul(eps), square.dtype)));
          return param.mul(-weightDecay).sub(direction).mul(kept(rate, update.dtype));
        },
        { expAvg, expAvgSq, params },
      );
      const next = {
        expAvg,
        expAvgSq,
        gradSum,
        params0: before.params0,
        estimLr,
        numeratorWeighted: numerator,
        count,
      };
      return [changed, next];
    },
  };
}
