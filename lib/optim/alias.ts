import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import { addDecayedWeights } from './add-decayed-weights';
import { identity, type GradientTransformation, type ScalarOrSchedule } from './base';
import { chain } from './chain';
import type { Mask } from './masked';
import { adamOptions, scaleByAdam, type AdamOptions } from './scale-by-adam';
import { scaleByLearningRate } from './scale';
import { trace } from './trace';

export interface SgdOptions {
  /** The decay of momentum; no momentum unless given. */
  readonly momentum?: number | null | undefined;
  /** Whether momentum looks one step ahead, as Nesterov's does; false unless given. */
  readonly nesterov?: boolean | undefined;
  /** The dtype in which momentum is kept; that of the parameters unless given. */
  readonly accumulatorDtype?: DType | undefined;
}

export interface AdamwOptions extends AdamOptions {
  /** How much of the parameters is taken off, times the learning rate; 1e-4 unless given. */
  readonly weightDecay?: ScalarOrSchedule | undefined;
  /** Which parameters decay, as for `masked`; all unless given. */
  readonly mask?: Mask;
}

/**
 * Stochastic gradient descent, with momentum if wanted.
 *
 * @param learningRate  A number, a tensor of no axes, or a schedule.
 * @see optax.sgd.
 */
export function sgd(learningRate: ScalarOrSchedule, options: SgdOptions = {}): GradientTransformation {
  requireOptions(options, ['momentum', 'nesterov', 'accumulatorDtype'], 'optim.sgd');
  const { momentum, ...others } = options;
  const first = momentum === undefined || momentum === null ? identity() : trace(momentum, others);
  return chain(first, scaleByLearningRate(learningRate));
}

/**
 * Adam.
 *
 * @param learningRate  A number, a tensor of no axes, or a schedule.
 * @example
 * const optimiser = optim.adam(1e-3);
 * let state = optimiser.init(filter(model, isInexactArray));
 * const [updates, next] = optimiser.update(grads, state);
 * @see optax.adam; Kingma and Ba 2014, arXiv:1412.6980.
 */
export function adam(learningRate: ScalarOrSchedule, options: AdamOptions = {}): GradientTransformation {
  requireOptions(options, adamOptions, 'optim.adam');
  return chain(scaleByAdam(options), scaleByLearningRate(learningRate));
}

/**
 * Adam with decoupled weight decay; `update` needs the parameters.
 *
 * @param learningRate  A number, a tensor of no axes, or a schedule.
 * @see optax.adamw; Loshchilov and Hutter 2017, arXiv:1711.05101.
 */
export function adamw(learningRate: ScalarOrSchedule, options: AdamwOptions = {}): GradientTransformation {
  requireOptions(options, [...adamOptions, 'weightDecay', 'mask'], 'optim.adamw');
  const { weightDecay = 1e-4, mask, ...others } = options;
  return chain(
    scaleByAdam(others),
    addDecayedWeights(weightDecay, { mask }),
    scaleByLearningRate(learningRate),
  );
}
