import { requireOptions } from '../base/options';
import type { Tensor } from '../tensor/tensor';
import { requireNumbers, requireNumber, requireState, type GradientTransformation } from './base';
import { atLeast, atMost, times, type Scalar } from './scalar';
import { fullFor, Updates, zerosFor } from './updates';

export interface RpropOptions {
  /** By what a step shrinks where the gradient changes its sign; 0.5 unless given. */
  readonly etaMinus?: Scalar | undefined;
  /** By what it grows where the sign stays; 1.2 unless given. */
  readonly etaPlus?: Scalar | undefined;
  /** The least step; 1e-6 unless given. */
  readonly minStepSize?: Scalar | undefined;
  /** The largest step; 50 unless given. */
  readonly maxStepSize?: Scalar | undefined;
}

/** The names of the options. */
export const rpropOptions = ['etaMinus', 'etaPlus', 'minStepSize', 'maxStepSize'];

/**
 * Steps by the gradients' signs, each element with a step of its own.
 *
 * The state is `{ stepSizes, prevUpdates }`.
 *
 * @param learningRate  The first step.
 * @see optax.scale_by_rprop; Riedmiller and Braun 1993.
 */
export function scaleByRprop(learningRate: Scalar, options: RpropOptions = {}): GradientTransformation {
  const op = 'optim.scaleByRprop';
  requireOptions(options, rpropOptions, op);
  requireNumber('learningRate', learningRate, op, { atLeast: 0 });
  const { etaMinus = 0.5, etaPlus = 1.2, minStepSize = 1e-6, maxStepSize = 50 } = options;
  requireNumbers({ etaMinus, etaPlus, minStepSize, maxStepSize }, op);
  return {
    init: (params) => ({ stepSizes: fullFor(params, learningRate), prevUpdates: zerosFor(params) }),
    update(updates, state) {
      const { stepSizes, prevUpdates } = requireState(state, ['stepSizes', 'prevUpdates'], op);
      const step = (update: Tensor, size: Tensor, last: Tensor): readonly Tensor[] => {
        const sign = update.mul(last);
        const grown = atMost(atLeast(times(size, etaPlus), minStepSize), maxStepSize);
        const shrunk = atMost(atLeast(times(size, etaMinus), minStepSize), maxStepSize);
        const next = sign.eq(0).where(size, sign.gt(0).where(grown, shrunk));
        const taken = next.mul(update.sign()).maskedFill(sign.lt(0), 0);
        // What is emitted is the last step's: Optax's updates lag by one step.
        return [last.maskedFill(sign.lt(0), 0), next, taken];
      };
      const [changed, nextSizes = stepSizes, nextUpdates = prevUpdates] = new Updates(
        updates,
        op,
      ).mapToSeveral(step, { stepSizes, prevUpdates });
      return [changed as typeof updates, { stepSizes: nextSizes, prevUpdates: nextUpdates }];
    },
  };
}
