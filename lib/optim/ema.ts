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
import { average, BiasCorrection, kept, type Scalar } from './scalar';
import { zeroUnless } from './select';
import { countFor, increment, Updates, zerosFor } from './updates';

export interface EmaOptions {
  /** Whether to make up for the start at zero; true unless given. */
  readonly debias?: boolean | undefined;
  /** The dtype in which the mean is kept; that of the parameters unless given. */
  readonly accumulatorDtype?: DType | undefined;
}

/**
 * The exponentially decaying mean of past updates.
 *
 * The state is `{ count, ema }`.
 *
 * @param decay  How much of the mean stays in the next step.
 * @see optax.ema.
 */
export function ema(decay: Scalar, options: EmaOptions = {}): GradientTransformation {
  const op = 'optim.ema';
  requireOptions(options, ['debias', 'accumulatorDtype'], op);
  requireNumber('decay', decay, op);
  const { debias = true, accumulatorDtype } = options;
  requireFlags({ debias }, op);
  requireDtypes({ accumulatorDtype }, op);
  return {
    init: (params) => ({ count: countFor(params), ema: zerosFor(params, accumulatorDtype) }),
    update(updates, state) {
      const { count: before, ema: mean } = requireState(state, ['count', 'ema'], op);
      const count = increment(before as Tensor);
      const correction = new BiasCorrection(decay, count);
      const step = (update: Tensor, m: Tensor): readonly Tensor[] => {
        const next = average(m, update, decay);
        return [debias ? correction.correct(next) : next, kept(next, m.dtype)];
      };
      const [changed, next = mean] = new Updates(updates, op).mapToSeveral(step, { ema: mean });
      return [changed as typeof updates, { count, ema: next }];
    },
  };
}

/**
 * Adds up updates and emits the sum in every k-th step, zeros in between.
 *
 * The state is `{ count, gradAcc }`. For inner optimisers that should not step in between there is `multiSteps`.
 *
 * @throws ERR_ARGUMENT unless k is an integer from 1 on.
 * @see optax.apply_every.
 */
export function applyEvery(k = 1): GradientTransformation {
  const op = 'optim.applyEvery';
  requireNumber('k', k, op, { atLeast: 1, isInteger: true });
  return {
    init: (params) => ({ count: countFor(params), gradAcc: zerosFor(params) }),
    update(updates, state) {
      const { count: before, gradAcc } = requireState(state, ['count', 'gradAcc'], op);
      const phase = (before as Tensor).remainder(k);
      const isFirst = phase.eq(0);
      const sums = new Updates(updates, op).map((update, sum) => update.add(sum.maskedFill(isFirst, 0)), {
        gradAcc,
      });
      const count = increment(before as Tensor).remainder(k);
      return [zeroUnless(phase.eq(k - 1), sums), { count, gradAcc: sums }];
    },
  };
}
