import type { DType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import type { Tensor } from '../tensor/tensor';
import { requireDtypes, requireNumbers, requireState, stateless, type GradientTransformation } from './base';
import { average, kept, times, type Scalar } from './scalar';
import { countFor, flagFor, increment, Updates, zerosFor } from './updates';

export interface LionOptions {
  /** The decay in the mean whose sign is taken; 0.9 unless given. */
  readonly b1?: Scalar | undefined;
  /** The decay of the mean that is kept; 0.99 unless given. */
  readonly b2?: Scalar | undefined;
  /** The dtype in which the mean is kept; that of the parameters unless given. */
  readonly muDtype?: DType | undefined;
  /** 'hard' (the default) takes the sign, 'smooth' a hyperbolic tangent, 'refined' the value where it is below 1. */
  readonly mode?: 'hard' | 'smooth' | 'refined' | undefined;
  /** The factor inside of the hyperbolic tangent; 1 unless given. */
  readonly smoothBeta?: number | undefined;
}

/**
 * Takes the sign of a mean of the gradients.
 *
 * The state is `{ count, mu }`.
 *
 * @throws ERR_ARGUMENT for another mode.
 * @see optax.scale_by_lion; Chen et al. 2023, arXiv:2302.06675.
 */
export function scaleByLion(options: LionOptions = {}): GradientTransformation {
  const op = 'optim.scaleByLion';
  requireOptions(options, ['b1', 'b2', 'muDtype', 'mode', 'smoothBeta'], op);
  const { b1 = 0.9, b2 = 0.99, muDtype, mode = 'hard', smoothBeta = 1 } = options;
  requireNumbers({ b1, b2, smoothBeta }, op);
  requireDtypes({ muDtype }, op);
  const modes: Readonly<Record<string, (x: Tensor) => Tensor>> = {
    hard: (x) => x.sign(),
    smooth: (x) => x.mul(smoothBeta).tanh(),
    refined: (x) => x.abs().lt(1).where(x, x.sign()),
  };
  const direction = modes[mode];
  if (direction === undefined) {
    throw new ArgumentError(
      `${op}: expected the mode ${Object.keys(modes).join(', ')}, got ${JSON.stringify(mode)}.`,
      {
        op,
      },
    );
  }
  return {
    init: (params) => ({ count: countFor(params), mu: zerosFor(params, muDtype) }),
    update(updates, state) {
      const { count, mu } = requireState(state, ['count', 'mu'], op);
      const step = (update: Tensor, m: Tensor): readonly Tensor[] => [
        direction(average(m, update, b1)),
        kept(average(m, update, b2), m.dtype),
      ];
      const [changed, next = mu] = new Updates(updates, op).mapToSeveral(step, { mu });
      return [changed as typeof updates, { count: increment(count as Tensor), mu: next }];
    },
  };
}

/**
 * Takes the sign of updates.
 *
 * @see optax.scale_by_sign.
 */
export function scaleBySign(): GradientTransformation {
  return stateless((updates) => new Updates(updates, 'optim.scaleBySign').map((update) => update.sign()));
}

export interface OptimisticOptions {
  /** How much of the gradient counts; 1 unless given. */
  readonly alpha?: Scalar | undefined;
  /** How much of its change since the last step is added; 1 unless given. */
  readonly beta?: Scalar | undefined;
}

/**
 * Adds the change of the gradients since the last step: it expects them to change so again.
 *
 * The state is `{ isInitialStep, previousGradient }`.
 *
 * @see optax.scale_by_optimistic_gradient; Mokhtari et al. 2019, arXiv:1901.08511.
 */
export function scaleByOptimisticGradient(options: OptimisticOptions = {}): GradientTransformation {
  const op = 'optim.scaleByOptimisticGradient';
  requireOptions(options, ['alpha', 'beta'], op);
  const { alpha = 1, beta = 1 } = options;
  requireNumbers({ alpha, beta }, op);
  const both = typeof alpha === 'number' && typeof beta === 'number' ? alpha + beta : undefined;
  return {
    init: (params) => ({ isInitialStep: flagFor(params, true), previousGradient: zerosFor(params) }),
    update(updates, state) {
      const names = ['isInitialStep', 'previousGradient'] as const;
      const { isInitialStep, previousGradient } = requireState(state, names, op);
      const step = (update: Tensor, last: Tensor): Tensor => {
        const before = (isInitialStep as Tensor).where(update, last);
        const forward = both === undefined ? times(update, alpha).add(times(update, beta)) : update.mul(both);
        return forward.sub(times(before, beta));
      };
      const changed = new Updates(updates, op).map(step, { previousGradient });
      const next = { isInitialStep: (isInitialStep as Tensor).logicalAnd(0), previousGradient: updates };
      return [changed, next];
    },
  };
}
