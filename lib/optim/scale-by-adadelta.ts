import { requireOptions } from '../base/options';
import type { Tensor } from '../tensor/tensor';
import { requireNumbers, requireState, type GradientTransformation } from './base';
import { average, plus, type Scalar } from './scalar';
import { Updates, zerosFor } from './updates';

export interface AdadeltaOptions {
  /** The decay of both means; 0.9 unless given. */
  readonly rho?: Scalar | undefined;
  /** Added inside of the square roots; 1e-6 unless given. */
  readonly eps?: Scalar | undefined;
}

/** The names of the options. */
export const adadeltaOptions = ['rho', 'eps'];

/**
 * Multiplies by the ratio of the roots of the mean squares of past updates and of gradients.
 *
 * The state is `{ eG, eX }`: the means of squared gradients and of squared updates.
 *
 * @see optax.scale_by_adadelta; Zeiler 2012, arXiv:1212.5701.
 */
export function scaleByAdadelta(options: AdadeltaOptions = {}): GradientTransformation {
  const op = 'optim.scaleByAdadelta';
  requireOptions(options, adadeltaOptions, op);
  const { rho = 0.9, eps = 1e-6 } = options;
  requireNumbers({ eps }, op);
  return {
    init: (params) => ({ eG: zerosFor(params), eX: zerosFor(params) }),
    update(updates, state) {
      const { eG, eX } = requireState(state, ['eG', 'eX'], op);
      const step = (update: Tensor, g: Tensor, x: Tensor): readonly Tensor[] => {
        const nextG = average(g, update.square(), rho);
        const changed = plus(x, eps).sqrt().div(plus(nextG, eps).sqrt()).mul(update);
        return [changed, nextG, average(x, changed.square(), rho)];
      };
      const [changed, nextG = eG, nextX = eX] = new Updates(updates, op).mapToSeveral(step, { eG, eX });
      return [changed as typeof updates, { eG: nextG, eX: nextX }];
    },
  };
}
