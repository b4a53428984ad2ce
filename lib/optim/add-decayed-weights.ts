import { requireOptions } from '../base/options';
import type { Tensor } from '../tensor/tensor';
import {
  requireNumber,
  requireParams,
  requireScalarOrSchedule,
  requireState,
  type GradientTransformation,
  type ScalarOrSchedule,
} from './base';
import { masked, type Mask } from './masked';
import { addScaled, type Scalar } from './scalar';
import { countFor, increment, Updates } from './updates';

/**
 * Adds parameters, times a factor, to the updates: weight decay.
 *
 * @param weightDecay  The factor: a number, a tensor of no axes, or a schedule.
 * @param options  `mask`: which parameters decay, as for `masked`.
 * @throws ERR_ARGUMENT for another factor, and, in `update`, if it gets no parameters.
 * @see optax.add_decayed_weights.
 */
export function addDecayedWeights(
  weightDecay: ScalarOrSchedule = 0,
  options: { readonly mask?: Mask } = {},
): GradientTransformation {
  const op = 'optim.addDecayedWeights';
  requireOptions(options, ['mask'], op);
  requireScalarOrSchedule('weightDecay', weightDecay, op);
  const { mask } = options;
  const transformation: GradientTransformation = {
    init: (params) => (typeof weightDecay === 'function' ? { count: countFor(params) } : {}),
    update(updates, state, params) {
      requireParams(params, op);
      let factor: Scalar;
      let next = state;
      if (typeof weightDecay === 'function') {
        const count = requireState(state, ['count'], op).count as Tensor;
        factor = weightDecay(count);
        requireNumber('the value of the schedule', factor, op);
        next = { count: increment(count) };
      } else {
        factor = weightDecay;
      }
      if (factor === 0) return [updates, next];
      const add = (update: Tensor, param: Tensor): Tensor => addScaled(update, param, factor);
      return [new Updates(updates, op).map(add, { params }), next];
    },
  };
  return mask === undefined || mask === null ? transformation : masked(transformation, mask);
}
