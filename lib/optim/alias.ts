import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import { addDecayedWeights } from './add-decayed-weights';
import {
  requireDtypes,
  requireNumber,
  requireNumbers,
  requireScalarOrSchedule,
  identity,
  type GradientTransformation,
  type ScalarOrSchedule,
} from './base';
import { chain } from './chain';
import { ema } from './ema';
import { addNoise } from './add-noise';
import type { Mask } from './masked';
import { adamOptions, scaleByAdam, type AdamOptions } from './scale-by-adam';
import {
  adamaxOptions,
  adanOptions,
  amsgradOptions,
  beliefOptions,
  scaleByAdamax,
  scaleByAdan,
  scaleByAmsgrad,
  scaleByBelief,
  scaleByYogi,
  type AdanOptions,
  type AmsgradOptions,
  type BeliefOptions,
  type MomentOptions,
} from './scale-by-adam-variants';
import { scaleByLion, scaleByOptimisticGradient, scaleBySign, type LionOptions } from './scale-by-lion';
import { radamOptions, scaleByRadam, type RadamOptions } from './scale-by-radam';
import { scaleByLearningRate } from './scale';
import type { Key } from '../random';
import type { Scalar } from './scalar';
import { trace } from './trace';

export interface SgdOptions {
  /** The decay of momentum; no momentum unless given. */
  readonly momentum?: Scalar | null | undefined;
  /** Whether momentum looks one step ahead, as Nesterov's does; false unless given. */
  readonly nesterov?: boolean | undefined;
  /** The dtype in which momentum is kept; that of the parameters unless given. */
  readonly accumulatorDtype?: DType | undefined;
}

/** Decoupled weight decay. */
export interface DecayOptions {
  /** How much of the parameters is taken off, times the learning rate. */
  readonly weightDecay?: ScalarOrSchedule | undefined;
  /** Which parameters decay, as for `masked`; all unless given. */
  readonly mask?: Mask;
}

/** The names of the options. */
const decayOptions = ['weightDecay', 'mask'];

/** The options of `adamw`; the decay is 1e-4 unless given. */
export interface AdamwOptions extends AdamOptions, DecayOptions {}

/**
 * Stochastic gradient descent, with momentum if wanted.
 *
 * @param learningRate  A number, a tensor of no axes, or a schedule.
 * @see optax.sgd.
 */
export function sgd(learningRate: ScalarOrSchedule, options: SgdOptions = {}): GradientTransformation {
  requireOptions(options, ['momentum', 'nesterov', 'accumulatorDtype'], 'optim.sgd');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.sgd');
  const { momentum, ...others } = options;
  const first = momentum === undefined || momentum === null ? identity() : trace(momentum, others);
  return chain(first, scaleByLearningRate(learningRate));
}

/**
 * Gradient descent with noise that decays: see `addNoise`.
 *
 * @param options  `eta`: the variance in the first step, 0.01 unless given; `gamma`: how fast it decays, 0.55 unless
 *   given; `key`: a key or a seed, which is required.
 * @see optax.noisy_sgd.
 */
export function noisySgd(
  learningRate: ScalarOrSchedule,
  options: {
    readonly eta?: Scalar | undefined;
    readonly gamma?: Scalar | undefined;
    readonly key: number | bigint | Key;
  },
): GradientTransformation {
  requireOptions(options, ['eta', 'gamma', 'key'], 'optim.noisySgd');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.noisySgd');
  const { eta = 0.01, gamma = 0.55, key } = options;
  return chain(addNoise(eta, gamma, key), scaleByLearningRate(learningRate));
}

/**
 * Steps by the signs of the gradients.
 *
 * @param options  There are none: with a mean of gradients it is `signum`.
 * @see optax.sign_sgd; Bernstein et al. 2018, arXiv:1802.04434.
 */
export function signSgd(
  learningRate: ScalarOrSchedule,
  options: Readonly<Record<string, never>> = {},
): GradientTransformation {
  requireOptions(options, [], 'optim.signSgd');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.signSgd');
  return chain(scaleBySign(), scaleByLearningRate(learningRate));
}

/**
 * Steps by the signs of the mean of gradients.
 *
 * @param options  `beta`: the decay of the mean, 0.9 unless given; `accumulatorDtype`: the dtype in which it is kept.
 * @see optax.signum; Bernstein et al. 2018, arXiv:1802.04434.
 */
export function signum(
  learningRate: ScalarOrSchedule,
  options: { readonly beta?: Scalar | undefined; readonly accumulatorDtype?: DType | undefined } = {},
): GradientTransformation {
  requireOptions(options, ['beta', 'accumulatorDtype'], 'optim.signum');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.signum');
  const { beta = 0.9, accumulatorDtype } = options;
  requireDtypes({ accumulatorDtype }, 'optim.signum');
  return chain(
    ema(beta, { debias: false, accumulatorDtype }),
    scaleBySign(),
    scaleByLearningRate(learningRate),
  );
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
  requireScalarOrSchedule('learningRate', learningRate, 'optim.adam');
  return chain(scaleByAdam(options), scaleByLearningRate(learningRate));
}

/**
 * Adam that looks one step ahead.
 *
 * @see optax.nadam; Dozat 2016.
 */
export function nadam(learningRate: ScalarOrSchedule, options: AdamOptions = {}): GradientTransformation {
  requireOptions(options, adamOptions, 'optim.nadam');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.nadam');
  return adam(learningRate, { nesterov: true, ...options });
}

/**
 * Adam with decoupled weight decay; `update` needs the parameters.
 *
 * @param learningRate  A number, a tensor of no axes, or a schedule.
 * @see optax.adamw; Loshchilov and Hutter 2017, arXiv:1711.05101.
 */
export function adamw(learningRate: ScalarOrSchedule, options: AdamwOptions = {}): GradientTransformation {
  requireOptions(options, [...adamOptions, ...decayOptions], 'optim.adamw');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.adamw');
  const { weightDecay = 1e-4, mask, ...others } = options;
  return decayed(scaleByAdam(others), weightDecay, mask, learningRate);
}

/**
 * `adamw` that looks one step ahead; `update` needs the parameters.
 *
 * @see optax.nadamw.
 */
export function nadamw(learningRate: ScalarOrSchedule, options: AdamwOptions = {}): GradientTransformation {
  requireOptions(options, [...adamOptions, ...decayOptions], 'optim.nadamw');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.nadamw');
  return adamw(learningRate, { nesterov: true, ...options });
}

/**
 * Adamax: Adam by the largest gradients.
 *
 * @see optax.adamax; Kingma and Ba 2014, arXiv:1412.6980.
 */
export function adamax(learningRate: ScalarOrSchedule, options: MomentOptions = {}): GradientTransformation {
  requireOptions(options, adamaxOptions, 'optim.adamax');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.adamax');
  return chain(scaleByAdamax(options), scaleByLearningRate(learningRate));
}

/**
 * Adamax with decoupled weight decay, 1e-4 unless given; `update` needs the parameters.
 *
 * @see optax.adamaxw.
 */
export function adamaxw(
  learningRate: ScalarOrSchedule,
  options: MomentOptions & DecayOptions = {},
): GradientTransformation {
  requireOptions(options, [...adamaxOptions, ...decayOptions], 'optim.adamaxw');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.adamaxw');
  const { weightDecay = 1e-4, mask, ...others } = options;
  return decayed(scaleByAdamax(others), weightDecay, mask, learningRate);
}

/**
 * AdaBelief: Adam by how far gradients lie from their mean.
 *
 * @see optax.adabelief; Zhuang et al. 2020, arXiv:2010.07468.
 */
export function adabelief(
  learningRate: ScalarOrSchedule,
  options: BeliefOptions = {},
): GradientTransformation {
  requireOptions(options, beliefOptions, 'optim.adabelief');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.adabelief');
  return chain(scaleByBelief(options), scaleByLearningRate(learningRate));
}

/**
 * AMSGrad: Adam by the largest mean of squares so far.
 *
 * @see optax.amsgrad; Reddi et al. 2018.
 */
export function amsgrad(
  learningRate: ScalarOrSchedule,
  options: AmsgradOptions = {},
): GradientTransformation {
  requireOptions(options, amsgradOptions, 'optim.amsgrad');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.amsgrad');
  return chain(scaleByAmsgrad(options), scaleByLearningRate(learningRate));
}

/**
 * Adan, with decoupled weight decay, 0 unless given; epsRoot is 1e-8 unless given. `update` needs the parameters.
 *
 * @see optax.adan; Xie et al. 2022, arXiv:2208.06677.
 */
export function adan(
  learningRate: ScalarOrSchedule,
  options: AdanOptions & DecayOptions = {},
): GradientTransformation {
  requireOptions(options, [...adanOptions, ...decayOptions], 'optim.adan');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.adan');
  const { weightDecay = 0, mask, ...others } = options;
  return decayed(scaleByAdan({ epsRoot: 1e-8, ...others }), weightDecay, mask, learningRate);
}

/**
 * Yogi. b1 is 0.9, b2 0.999 and eps 1e-3 unless given.
 *
 * @see optax.yogi; Zaheer et al. 2018.
 */
export function yogi(learningRate: ScalarOrSchedule, options: MomentOptions = {}): GradientTransformation {
  requireOptions(options, adamaxOptions, 'optim.yogi');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.yogi');
  return chain(scaleByYogi(options), scaleByLearningRate(learningRate));
}

/**
 * RAdam: rectified Adam.
 *
 * @see optax.radam; Liu et al. 2020, arXiv:1908.03265.
 */
export function radam(learningRate: ScalarOrSchedule, options: RadamOptions = {}): GradientTransformation {
  requireOptions(options, radamOptions, 'optim.radam');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.radam');
  return chain(scaleByRadam(options), scaleByLearningRate(learningRate));
}

/**
 * Lion, with decoupled weight decay, 1e-3 unless given; `update` needs the parameters.
 *
 * @see optax.lion; Chen et al. 2023, arXiv:2302.06675.
 */
export function lion(
  learningRate: ScalarOrSchedule,
  options: Pick<LionOptions, 'b1' | 'b2' | 'muDtype'> & DecayOptions = {},
): GradientTransformation {
  requireOptions(options, ['b1', 'b2', 'muDtype', ...decayOptions], 'optim.lion');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.lion');
  const { weightDecay = 1e-3, mask, ...others } = options;
  return decayed(scaleByLion(others), weightDecay, mask, learningRate);
}

/**
 * Adam with a step ahead by the change of its direction, whose sizes are `learningRate` and `optimism`.
 *
 * @param learningRate  A number.
 * @param options  `optimism`: the learning rate unless given; the rest as for `adam`, with Nesterov's step unless told
 *   otherwise.
 * @see optax.optimistic_adam, which Optax has replaced by optimistic_adam_v2.
 */
export function optimisticAdam(
  learningRate: Scalar,
  options: AdamOptions & { readonly optimism?: Scalar | undefined } = {},
): GradientTransformation {
  requireOptions(options, [...adamOptions, 'optimism'], 'optim.optimisticAdam');
  requireNumber('learningRate', learningRate, 'optim.optimisticAdam');
  const { optimism = learningRate, ...others } = options;
  requireNumbers({ optimism }, 'optim.optimisticAdam');
  return chain(
    scaleByAdam({ nesterov: true, ...others }),
    scaleByOptimisticGradient({ alpha: learningRate, beta: optimism }),
    scaleByLearningRate(1),
  );
}

/**
 * Adam with a step ahead by the change of its direction.
 *
 * @param options  `alpha`, `beta`: as for `scaleByOptimisticGradient`; the rest as for `adam`, with Nesterov's step
 *   unless told otherwise.
 * @see optax.optimistic_adam_v2; Daskalakis et al. 2017, arXiv:1711.00141.
 */
export function optimisticAdamV2(
  learningRate: ScalarOrSchedule,
  options: AdamOptions & { readonly alpha?: Scalar | undefined; readonly beta?: Scalar | undefined } = {},
): GradientTransformation {
  requireOptions(options, [...adamOptions, 'alpha', 'beta'], 'optim.optimisticAdamV2');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.optimisticAdamV2');
  const { alpha, beta, ...others } = options;
  return chain(
    scaleByAdam({ nesterov: true, ...others }),
    scaleByOptimisticGradient({ alpha, beta }),
    scaleByLearningRate(learningRate),
  );
}

/**
 * Gradient descent with a step ahead by the gradients' change.
 *
 * @param options  `alpha`, `beta`: as for `scaleByOptimisticGradient`.
 * @see optax.optimistic_gradient_descent; Mokhtari et al. 2019, arXiv:1901.08511.
 */
export function optimisticGradientDescent(
  learningRate: ScalarOrSchedule,
  options: { readonly alpha?: Scalar | undefined; readonly beta?: Scalar | undefined } = {},
): GradientTransformation {
  requireOptions(options, ['alpha', 'beta'], 'optim.optimisticGradientDescent');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.optimisticGradientDescent');
  return chain(scaleByOptimisticGradient(options), scaleByLearningRate(learningRate));
}

/** A direction, then decoupled weight decay, then the learning rate. */
function decayed(
  direction: GradientTransformation,
  weightDecay: ScalarOrSchedule,
  mask: Mask,
  learningRate: ScalarOrSchedule,
): GradientTransformation {
  return chain(direction, addDecayedWeights(weightDecay, { mask }), scaleByLearningRate(learningRate));
}
