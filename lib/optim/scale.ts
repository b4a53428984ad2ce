import { requireOptions } from '../base/options';
import { Tensor } from '../tensor/tensor';
import {
  identity,
  requireFunction,
  requireNumber,
  requireScalarOrSchedule,
  requireState,
  stateless,
  type GradientTransformation,
  type Schedule,
  type ScalarOrSchedule,
} from './base';
import { inDType, negative, type Scalar } from './scalar';
import { countFor, increment, Updates } from './updates';

/**
 * Multiplies updates by a factor.
 *
 * @param factor  A number, or a tensor of no axes.
 * @throws ERR_ARGUMENT for anything else.
 * @see optax.scale.
 */
export function scale(factor: Scalar): GradientTransformation {
  requireNumber('factor', factor, 'optim.scale');
  return stateless((updates) => multiply(updates, factor, 'optim.scale'));
}

/**
 * Multiplies updates by a factor that depends on the number of steps made before.
 *
 * @param schedule  From the count, int32[], to the factor.
 * @throws ERR_ARGUMENT if it is no function, or, in `update`, gives no number.
 * @see optax.scale_by_schedule.
 */
export function scaleBySchedule(schedule: Schedule): GradientTransformation {
  const op = 'optim.scaleBySchedule';
  requireFunction('the schedule', schedule, op);
  return {
    init: (params) => ({ count: countFor(params) }),
    update(updates, state) {
      const count = requireState(state, ['count'], op).count as Tensor;
      const factor = schedule(count);
      requireNumber('the value of the schedule', factor, op);
      return [multiply(updates, factor, op), { count: increment(count) }];
    },
  };
}

/**
 * Multiplies updates by the negative learning rate, so that adding them goes downhill.
 *
 * @param learningRate  A number, a tensor of no axes, or a schedule; null leaves the updates as they are.
 * @param options  `flipSign`: false multiplies by the learning rate itself.
 * @throws ERR_ARGUMENT for anything else.
 * @see optax.scale_by_learning_rate.
 */
export function scaleByLearningRate(
  learningRate: ScalarOrSchedule | null,
  options: { readonly flipSign?: boolean | undefined } = {},
): GradientTransformation {
  requireOptions(options, ['flipSign'], 'optim.scaleByLearningRate');
  const { flipSign = true } = options;
  if (learningRate === null) return identity();
  requireScalarOrSchedule('learningRate', learningRate, 'optim.scaleByLearningRate');
  const signed = (value: Scalar): Scalar => (flipSign ? negative(value) : value);
  if (typeof learningRate === 'function') return scaleBySchedule((count) => signed(learningRate(count)));
  if (learningRate instanceof Tensor) {
    return stateless((updates) => multiply(updates, signed(learningRate), 'optim.scaleByLearningRate'));
  }
  return scale(signed(learningRate));
}

function multiply<T>(updates: T, factor: Scalar, op: string): T {
  return new Updates(updates, op).map((update) => update.mul(inDType(factor, update)));
}
