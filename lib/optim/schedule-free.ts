import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import { pow } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { addDecayedWeights } from './add-decayed-weights';
import { sgd } from './alias';
import {
  requireDtypes,
  requireNumber,
  requireNumbers,
  requireParams,
  requireScalarOrSchedule,
  requireState,
  requireTransformation,
  type GradientTransformation,
  type ScalarOrSchedule,
  type State,
} from './base';
import { chain } from './chain';
import { scaleByLearningRate } from './scale';
import { scaleByRms } from './scale-by-rms';
import { kept, scalarLike } from './scalar';
import { warmupConstantSchedule } from './schedule-compound';
import { countFor, increment, madeFor, numberFor, Updates } from './updates';

export interface ScheduleFreeOptions {
  /** How near the parameters stay to the average; 0.9 unless given. */
  readonly b1?: number | undefined;
  /** The power of the learning rate that weighs a step in the average; 2 unless given. */
  readonly weightLrPower?: number | undefined;
  /** The dtype in which the moving point is kept; that of the parameters unless given. */
  readonly stateDtype?: DType | undefined;
}

const names = ['b1', 'weightSum', 'stepCount', 'maxLr', 'baseOptimizerState', 'z'] as const;

/**
 * Lets an optimiser move a point, and the parameters lie between it and the average of its past: no schedule is needed.
 *
 * The state is `{ b1, weightSum, stepCount, maxLr, baseOptimizerState, z }`. Models are evaluated with
 * `scheduleFreeEvalParams`.
 *
 * @param baseOptimiser  The optimiser, without momentum.
 * @param learningRate  Its learning rate: a number, or a schedule.
 * @throws ERR_ARGUMENT, in `update`, if it gets no parameters.
 * @see optax.contrib.schedule_free; Defazio et al. 2024, arXiv:2405.15682.
 */
export function scheduleFree(
  baseOptimiser: GradientTransformation,
  learningRate: ScalarOrSchedule,
  options: ScheduleFreeOptions = {},
): GradientTransformation {
  const op = 'optim.scheduleFree';
  requireOptions(options, ['b1', 'weightLrPower', 'stateDtype'], op);
  requireTransformation(baseOptimiser, 'the first argument', op);
  requireScalarOrSchedule('learningRate', learningRate, op);
  const { b1 = 0.9, weightLrPower = 2, stateDtype } = options;
  requireNumbers({ b1, weightLrPower }, op);
  requireDtypes({ stateDtype }, op);
  return {
    init(params) {
      const number = (value: number): Tensor => numberFor(params, value);
      return {
        b1: number(b1),
        weightSum: number(0),
        stepCount: increment(countFor(params)),
        maxLr: number(0),
        baseOptimizerState: baseOptimiser.init(params),
        z: madeFor(params, (param) => kept(param, stateDtype ?? param.dtype).clone()),
      };
    },
    update(updates, state, params, extra) {
      requireParams(params, op);
      const before = requireState(state, names, op);
      const stepCount = before.stepCount as Tensor;
      const rate = typeof learningRate === 'function' ? learningRate(stepCount) : learningRate;
      const maxLr = (before.maxLr as Tensor).maximum(scalarLike(rate, before.maxLr as Tensor));
      const weight = pow(maxLr, weightLrPower);
      const weightSum = (before.weightSum as Tensor).add(weight);
      // Without any weight yet, the average stays where it is.
      const share = weight.div(weightSum).maskedFill(weightSum.eq(0), 0);
      const [moves, baseState] = baseOptimiser.update(
        updates,
        before.baseOptimizerState as State,
        params,
        extra,
      );
      const step = (move: Tensor, z: Tensor, param: Tensor): readonly Tensor[] => {
        const next = kept(z.add(move), z.dtype);
        const average = param.sub(z, { alpha: 1 - b1 }).div(b1);
        const moved = average.lerp(kept(next, average.dtype), kept(share, average.dtype));
        return [
          moved
            .mul(b1)
            .add(next, { alpha: 1 - b1 })
            .sub(param),
          next,
        ];
      };
      const [changed, z = before.z] = new Updates(moves, op).mapToSeveral(step, { z: before.z, params });
      return [
        changed as typeof updates,
        {
          b1: before.b1,
          weightSum,
          stepCount: increment(stepCount),
          maxLr,
          baseOptimizerState: baseState,
          z,
        },
      ];
    },
  };
}

/**
 * The parameters with which to evaluate a model that `scheduleFree` trains: the average.
 *
 * @throws ERR_TREE unless the state is that of `scheduleFree`.
 * @see optax.contrib.schedule_free_eval_params.
 */
export function scheduleFreeEvalParams<T>(state: State, params: T): T {
  const op = 'optim.scheduleFreeEvalParams';
  const { b1, z } = requireState(state, names, op);
  const near = b1 as Tensor;
  return new Updates(params, op).map(
    (param, point) =>
      param.sub(kept(point, param.dtype).mul(kept(near.rsub(1), param.dtype))).div(kept(near, param.dtype)),
    { z },
  );
}

export interface ScheduleFreeSgdOptions extends ScheduleFreeOptions {
  /** How many steps the learning rate takes to its value; none unless given. */
  readonly warmupSteps?: number | undefined;
  /** How much of the parameters is added to the gradients; nothing unless given. */
  readonly weightDecay?: number | undefined;
}

/**
 * Gradient descent without a schedule; `update` needs the parameters.
 *
 * @param learningRate  1 unless given.
 * @see optax.contrib.schedule_free_sgd.
 */
export function scheduleFreeSgd(
  learningRate = 1,
  options: ScheduleFreeSgdOptions = {},
): GradientTransformation {
  const own = ['warmupSteps', 'b1', 'weightDecay', 'weightLrPower', 'stateDtype'];
  requireOptions(options, own, 'optim.scheduleFreeSgd');
  requireNumber('learningRate', learningRate, 'optim.scheduleFreeSgd');
  const { warmupSteps, weightDecay, ...others } = options;
  const rate = warmedUp(learningRate, warmupSteps);
  const descent = sgd(rate);
  const base = weightDecay === undefined ? descent : chain(addDecayedWeights(weightDecay), descent);
  return scheduleFree(base, rate, others);
}

export interface ScheduleFreeAdamwOptions extends ScheduleFreeSgdOptions {
  /** The decay of the mean of squared gradients; 0.999 unless given. */
  readonly b2?: number | undefined;
  /** Added outside of the square root; 1e-8 unless given. */
  readonly eps?: number | undefined;
}

/**
 * AdamW without a schedule; `update` needs the parameters.
 *
 * @param learningRate  0.0025 unless given.
 * @see optax.contrib.schedule_free_adamw.
 */
export function scheduleFreeAdamw(
  learningRate = 0.0025,
  options: ScheduleFreeAdamwOptions = {},
): GradientTransformation {
  const own = ['warmupSteps', 'b1', 'b2', 'eps', 'weightDecay', 'weightLrPower', 'stateDtype'];
  requireOptions(options, own, 'optim.scheduleFreeAdamw');
  requireNumber('learningRate', learningRate, 'optim.scheduleFreeAdamw');
  const { warmupSteps, b2 = 0.999, eps = 1e-8, weightDecay = 0, ...others } = options;
  const rate = warmedUp(learningRate, warmupSteps);
  const base = chain(
    scaleByRms({ decay: b2, eps, epsInSqrt: false, biasCorrection: true }),
    addDecayedWeights(weightDecay),
    scaleByLearningRate(rate),
  );
  return scheduleFree(base, rate, others);
}

function warmedUp(learningRate: number, warmupSteps: number | undefined): ScalarOrSchedule {
  return warmupSteps === undefined ? learningRate : warmupConstantSchedule(0, learningRate, warmupSteps);
}
