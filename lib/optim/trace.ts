import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import type { Tensor } from '../tensor/tensor';
import {
  requireDtypes,
  requireFlags,
  requireNumber,
  requireState,
  type GradientTransformation,
} from './base';
import { addScaled, kept, type Scalar } from './scalar';
import { Updates, zerosFor } from './updates';

export interface TraceOptions {
  /** Whether to look one step ahead, as Nesterov does; false unless given. */
  readonly nesterov?: boolean | undefined;
  /** The dtype in which the sum is kept; that of the parameters unless given. */
  readonly accumulatorDtype?: DType | undefined;
}

/**
 * Adds up past updates, each step's sum being decayed in the next: momentum.
 *
 * The state is `{ trace }`, a tree like the parameters.
 *
 * @param decay  How much of the sum stays in the next step.
 * @see optax.trace.
 */
export function trace(decay: Scalar, options: TraceOptions = {}): GradientTransformation {
  const op = 'optim.trace';
  requireOptions(options, ['nesterov', 'accumulatorDtype'], op);
  requireNumber('decay', decay, op);
  const { nesterov = false, accumulatorDtype } = options;
  requireFlags({ nesterov }, op);
  requireDtypes({ accumulatorDtype }, op);
  return {
    init: (params) => ({ trace: zerosFor(params, accumulatorDtype) }),
    update(updates, state) {
      const { trace: before } = requireState(state, ['trace'], op);
      const step = (update: Tensor, sum: Tensor): readonly Tensor[] => {
        const next = addScaled(update, sum, decay);
        const changed = nesterov ? addScaled(update, next, decay) : next;
        return [changed, kept(next, accumulatorDtype ?? sum.dtype)];
      };
      const [changed, next = before] = new Updates(updates, op).mapToSeveral(step, { trace: before });
      return [changed as typeof updates, { trace: next }];
    },
  };
}
