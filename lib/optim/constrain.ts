import { full } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { requireParams, requireState, stateless, type GradientTransformation } from './base';
import { zeroTree } from './select';
import { madeFor, Updates } from './updates';

/**
 * Changes updates so that parameters which are not negative stay so: a parameter that would fall below 0 becomes 0.
 *
 * @throws ERR_ARGUMENT, in `update`, if it gets no parameters.
 * @see optax.keep_params_nonnegative.
 */
export function keepParamsNonnegative(): GradientTransformation {
  const op = 'optim.keepParamsNonnegative';
  return stateless((updates, params) =>
    new Updates(updates, op).map((update, param) => param.add(update).lt(0).where(param.neg(), update), {
      params: requireParams(params, op),
    }),
  );
}

/**
 * Replaces what is NaN in the updates by zeros.
 *
 * The state is `{ foundNan }`: for each parameter whether its last update had one, bool[].
 *
 * @see optax.zero_nans.
 */
export function zeroNans(): GradientTransformation {
  const op = 'optim.zeroNans';
  return {
    init: (params) => ({ foundNan: madeFor(params, ({ device }) => full([], 0, { dtype: 'bool', device })) }),
    update(updates, state) {
      requireState(state, ['foundNan'], op);
      const step = (update: Tensor): readonly Tensor[] => {
        const isNan = update.isnan();
        return [update.maskedFill(isNan, 0), isNan.any()];
      };
      const [changed, foundNan = updates] = new Updates(updates, op).mapToSeveral(step);
      return [changed as typeof updates, { foundNan }];
    },
  };
}

/**
 * Takes off the mean over all axes but the first from updates with more than one axis.
 *
 * @see optax.centralize; Yong et al. 2020, arXiv:2004.01461.
 */
export function centralize(): GradientTransformation {
  return stateless((updates) =>
    new Updates(updates, 'optim.centralize').map((update) => {
      if (update.ndim < 2) return update;
      const axes = update.shape.map((_size, axis) => axis).slice(1);
      return update.sub(update.mean(axes, true));
    }),
  );
}

/**
 * Replaces updates by zeros.
 *
 * @see optax.set_to_zero.
 */
export function setToZero(): GradientTransformation {
  return stateless((updates) => {
    new Updates(updates, 'optim.setToZero', { allowsIntegers: true });
    return zeroTree(updates);
  });
}
