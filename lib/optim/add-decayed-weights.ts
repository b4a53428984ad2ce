import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { Tensor } from '../tensor/tensor';
import { requireState, type GradientTransformation, type ScalarOrSchedule } from './base';
import { masked, type Mask } from './masked';
import { inDType } from './scale';
import { countFor, increment, Updates } from './updates';

/**
 * Adds parameters, times a factor, to the updates: weight decay.
 *
 * @param weightDecay  The factor: a number, a tensor of no axes, or a schedule.
 * @param options  `mask`: which parameters decay, as for `masked`.
 * @throws ERR_ARGUMENT, in `update`, if it gets no parameters.
 * @see optax.add_decayed_weights.
 */
export function addDecayedWeights(
  weightDecay: ScalarOrSchedule = 0,
  options: { readonly mask?: Mask } = {},
): GradientTransformation {
  const op = 'optim.addDecayedWeights';
  requireOptions(options, ['mask'], op);
  const { mask } = options;
  const transformation: GradientTransformation = {
    init: (params) => (typeof weightDecay === 'function' ? { count: countFor(params) } : {}),
    update(updates, state, params) {
      if (params === undefined || params === null) {
        throw new ArgumentError(
          `${op}: expected the parameters as the third argument of update, got ${String(params)}. Call update(grads, state, model).`,
          { op },
        );
      }
      if (weightDecay === 0) return [updates, state];
      let factor: number | Tensor;
      let next = state;
      if (typeof weightDecay === 'function') {
        const count = requireState(state, ['count'], op).count as Tensor;
        factor = weightDecay(count);
        next = { count: increment(count) };
      } else {
        factor = weightDecay;
      }
      const add = (update: Tensor, param: Tensor): Tensor =>
        factor instanceof Tensor
          ? update.add(param.mul(inDType(factor, param)))
          : update.add(param, { alpha: factor });
      return [new Updates(updates, op).map(add, { params }), next];
    },
  };
  return mask === undefined || mask === null ? transformation : masked(transformation, mask);
}
