import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import { Tensor } from '../tensor/tensor';
import { addDecayedWeights } from './add-decayed-weights';
import {
  requireFlags,
  requireNumber,
  requireScalarOrSchedule,
  identity,
  type GradientTransformation,
  type ScalarOrSchedule,
} from './base';
import { chain } from './chain';
import { clipByBlockRms } from './clip';
import { ema } from './ema';
import { masked, type Mask } from './masked';
import { adamOptions, scaleByAdam, type AdamOptions } from './scale-by-adam';
import { adadeltaOptions, scaleByAdadelta, type AdadeltaOptions } from './scale-by-adadelta';
import { scaleByFactoredRms } from './scale-by-factored-rms';
import { scaleByParamBlockRms, scaleByPolyak, scaleByTrustRatio, type PolyakOptions } from './scale-by-norm';
import { scaleByNovograd, type NovogradOptions } from './scale-by-novograd';
import {
  rmsOptions,
  rssOptions,
  scaleByRms,
  scaleByRss,
  scaleByStddev,
  type RmsOptions,
  type RssOptions,
} from './scale-by-rms';
import { rpropOptions, scaleByRprop, type RpropOptions } from './scale-by-rprop';
import { scaleBySm3 } from './scale-by-sm3';
import { scale, scaleByLearningRate } from './scale';
import { negative, type Scalar } from './scalar';
import { sgd, type DecayOptions } from './alias';
import { trace } from './trace';

/** Checks a learning rate that may be left out. */
function requireGivenRate(learningRate: unknown, op: string): void {
  if (learningRate === undefined || learningRate === null) return;
  requireScalarOrSchedule('learningRate', learningRate, op);
}

/**
 * Adagrad.
 *
 * @see optax.adagrad; Duchi et al. 2011.
 */
export function adagrad(learningRate: ScalarOrSchedule, options: RssOptions = {}): GradientTransformation {
  requireOptions(options, rssOptions, 'optim.adagrad');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.adagrad');
  return chain(scaleByRss(options), scaleByLearningRate(learningRate));
}

/**
 * Adadelta; `update` needs the parameters.
 *
 * @param learningRate  A factor; 1 unless given.
 * @param options  `rho`, `eps`: as for `scaleByAdadelta`; `weightDecay`: 0 unless given; `weightDecayMask`.
 * @see optax.adadelta; Zeiler 2012, arXiv:1212.5701.
 */
export function adadelta(
  learningRate?: ScalarOrSchedule | null,
  options: AdadeltaOptions & {
    readonly weightDecay?: ScalarOrSchedule | undefined;
    readonly weightDecayMask?: Mask;
  } = {},
): GradientTransformation {
  requireOptions(options, [...adadeltaOptions, 'weightDecay', 'weightDecayMask'], 'optim.adadelta');
  requireGivenRate(learningRate, 'optim.adadelta');
  const { weightDecay = 0, weightDecayMask, ...others } = options;
  return chain(
    addDecayedWeights(weightDecay, { mask: weightDecayMask }),
    scaleByAdadelta(others),
    scaleByLearningRate(learningRate ?? null),
  );
}

export interface RmspropOptions extends RmsOptions {
  /** Whether to take off the square of the mean; false unless given. */
  readonly centered?: boolean | undefined;
  /** The decay of momentum; no momentum unless given. */
  readonly momentum?: Scalar | null | undefined;
  /** Whether momentum looks one step ahead; false unless given. */
  readonly nesterov?: boolean | undefined;
}

/**
 * RMSprop.
 *
 * @see optax.rmsprop; Tieleman and Hinton 2012.
 */
export function rmsprop(
  learningRate: ScalarOrSchedule,
  options: RmspropOptions = {},
): GradientTransformation {
  requireOptions(options, [...rmsOptions, 'centered', 'momentum', 'nesterov'], 'optim.rmsprop');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.rmsprop');
  const { centered = false, momentum, nesterov, ...others } = options;
  requireFlags({ centered, nesterov }, 'optim.rmsprop');
  return chain(
    centered ? scaleByStddev(others) : scaleByRms(others),
    scaleByLearningRate(learningRate),
    momentum === undefined || momentum === null ? identity() : trace(momentum, { nesterov }),
  );
}

/**
 * LAMB: Adam, each tensor scaled by the norm of its parameter; `update` needs the parameters.
 *
 * eps is 1e-6 and the weight decay 0 unless given.
 *
 * @see optax.lamb; You et al. 2020, arXiv:1904.00962.
 */
export function lamb(
  learningRate: ScalarOrSchedule,
  options: Pick<AdamOptions, 'b1' | 'b2' | 'eps' | 'epsRoot'> & DecayOptions = {},
): GradientTransformation {
  const names = [
    ...adamOptions.filter((name) => !['muDtype', 'nesterov'].includes(name)),
    'weightDecay',
    'mask',
  ];
  requireOptions(options, names, 'optim.lamb');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.lamb');
  const { weightDecay = 0, mask, ...others } = options;
  return chain(
    scaleByAdam({ eps: 1e-6, ...others }),
    addDecayedWeights(weightDecay, { mask }),
    scaleByTrustRatio(),
    scaleByLearningRate(learningRate),
  );
}

export interface LarsOptions {
  /** How much of the parameters is added to the gradients; 0 unless given. */
  readonly weightDecay?: ScalarOrSchedule | undefined;
  /** Which parameters decay; all unless given. */
  readonly weightDecayMask?: Mask;
  /** The factor of the ratio of norms; 0.001 unless given. */
  readonly trustCoefficient?: Scalar | undefined;
  /** Added to the norm of the updates; 0 unless given. */
  readonly eps?: Scalar | undefined;
  /** Which updates are scaled by the ratio of norms; all unless given. */
  readonly trustRatioMask?: Mask;
  /** The decay of momentum; 0.9 unless given. */
  readonly momentum?: Scalar | undefined;
  /** Whether momentum looks one step ahead; false unless given. */
  readonly nesterov?: boolean | undefined;
}

/**
 * LARS: momentum, each tensor scaled by the norm of its parameter; `update` needs the parameters.
 *
 * @see optax.lars; You et al. 2017, arXiv:1708.03888.
 */
export function lars(learningRate: ScalarOrSchedule, options: LarsOptions = {}): GradientTransformation {
  const names = [
    'weightDecay',
    'weightDecayMask',
    'trustCoefficient',
    'eps',
    'trustRatioMask',
    'momentum',
    'nesterov',
  ];
  requireOptions(options, names, 'optim.lars');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.lars');
  const { weightDecay = 0, weightDecayMask = true, trustCoefficient = 0.001, eps = 0 } = options;
  const { trustRatioMask = true, momentum = 0.9, nesterov } = options;
  requireFlags({ nesterov }, 'optim.lars');
  return chain(
    addDecayedWeights(weightDecay, { mask: weightDecayMask }),
    masked(scaleByTrustRatio({ trustCoefficient, eps }), trustRatioMask),
    scaleByLearningRate(learningRate),
    trace(momentum, { nesterov }),
  );
}

/**
 * Fromage: steps as large as a part of the parameters' norm, which does not grow; `update` needs the parameters.
 *
 * @param options  `minNorm`: the least norm that counts; 1e-6 unless given.
 * @see optax.fromage; Bernstein et al. 2020, arXiv:2002.03432.
 */
export function fromage(
  learningRate: ScalarOrSchedule,
  options: { readonly minNorm?: Scalar | undefined } = {},
): GradientTransformation {
  requireOptions(options, ['minNorm'], 'optim.fromage');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.fromage');
  const shrink = (rate: Scalar): Scalar =>
    rate instanceof Tensor ? rate.square().add(1).rsqrt() : 1 / Math.sqrt(1 + rate ** 2);
  const shrunk = (rate: Scalar): Scalar =>
    rate instanceof Tensor ? rate.mul(shrink(rate)) : rate / Math.sqrt(1 + rate ** 2);
  const lessOne = (a: Scalar): Scalar => (a instanceof Tensor ? a.sub(1) : a - 1);
  const derived = (f: (rate: Scalar) => Scalar): ScalarOrSchedule =>
    typeof learningRate === 'function' ? (count) => f(learningRate(count)) : f(learningRate);
  return chain(
    scaleByTrustRatio({ minNorm: options.minNorm ?? 1e-6 }),
    scaleByLearningRate(derived(shrunk)),
    addDecayedWeights(derived((rate) => lessOne(shrink(rate)))),
  );
}

/**
 * NovoGrad; `update` needs the parameters. eps is 1e-6 unless given.
 *
 * @see optax.novograd; Ginsburg et al. 2019, arXiv:1905.11286.
 */
export function novograd(
  learningRate: ScalarOrSchedule,
  options: Omit<NovogradOptions, 'muDtype'> = {},
): GradientTransformation {
  requireOptions(options, ['b1', 'b2', 'eps', 'epsRoot', 'weightDecay'], 'optim.novograd');
  requireScalarOrSchedule('learningRate', learningRate, 'optim.novograd');
  return chain(scaleByNovograd({ eps: 1e-6, ...options }), scaleByLearningRate(learningRate));
}

/**
 * SM3.
 *
 * @param options  `momentum`: 0.9 unless given.
 * @see optax.sm3; Anil et al. 2019, arXiv:1901.11150.
 */
export function sm3(
  learningRate: Scalar,
  options: { readonly momentum?: Scalar | undefined } = {},
): GradientTransformation {
  requireOptions(options, ['momentum'], 'optim.sm3');
  requireNumber('learningRate', learningRate, 'optim.sm3');
  return chain(scaleBySm3({ b1: options.momentum ?? 0.9 }), scale(negative(learningRate)));
}

/**
 * Rprop.
 *
 * @param learningRate  The first step.
 * @see optax.rprop; Riedmiller and Braun 1993.
 */
export function rprop(learningRate: Scalar, options: RpropOptions = {}): GradientTransformation {
  requireOptions(options, rpropOptions, 'optim.rprop');
  requireNumber('learningRate', learningRate, 'optim.rprop', { atLeast: 0 });
  return chain(scaleByRprop(learningRate, options), scale(-1));
}

/**
 * Gradient descent with the step of Polyak; `update` needs the loss as `{ value }` in its fourth argument.
 *
 * @param options  As for `scaleByPolyak`; `scaling`: a factor, or a schedule of it, 1 unless given.
 * @see optax.polyak_sgd; Loizou et al. 2021, arXiv:2002.10542.
 */
export function polyakSgd(
  options: PolyakOptions & { readonly scaling?: ScalarOrSchedule | undefined } = {},
): GradientTransformation {
  requireOptions(options, ['maxLearningRate', 'scaling', 'fMin', 'eps', 'variant'], 'optim.polyakSgd');
  const { scaling = 1, ...others } = options;
  requireScalarOrSchedule('scaling', scaling, 'optim.polyakSgd');
  return chain(sgd(scaling), scaleByPolyak(others));
}

export interface AdafactorOptions {
  /** From which size on of both largest axes a tensor is factored; 128 unless given. */
  readonly minDimSizeToFactor?: number | undefined;
  /** The exponent by which the decay grows with the steps; 0.8 unless given. */
  readonly decayRate?: number | undefined;
  /** The step at which the decay begins; 0 unless given. */
  readonly decayOffset?: number | undefined;
  /** Whether to scale by the root mean square of the parameters; true unless given. */
  readonly multiplyByParameterScale?: boolean | undefined;
  /** The largest root mean square of an update; 1 unless given, null for none. */
  readonly clippingThreshold?: Scalar | null | undefined;
  /** The decay of momentum; no momentum unless given. */
  readonly momentum?: Scalar | null | undefined;
  /** The dtype in which momentum is kept; float32 unless given. */
  readonly dtypeMomentum?: DType | undefined;
  /** How much of the parameters is taken off; nothing unless given. */
  readonly weightDecayRate?: ScalarOrSchedule | null | undefined;
  /** Added to the squares; 1e-30 unless given. */
  readonly eps?: Scalar | undefined;
  /** Whether to keep sums of rows and columns instead of all squares; true unless given. */
  readonly factored?: boolean | undefined;
  /** Which parameters decay; all unless given. */
  readonly weightDecayMask?: Mask;
}

/**
 * Adafactor; `update` needs the parameters.
 *
 * @param learningRate  A number, a tensor of no axes, or a schedule; none leaves the step to the parameters' scale.
 * @see optax.adafactor; Shazeer and Stern 2018, arXiv:1804.04235.
 */
export function adafactor(
  learningRate?: ScalarOrSchedule | null,
  options: AdafactorOptions = {},
): GradientTransformation {
  const names = [
    'minDimSizeToFactor',
    'decayRate',
    'decayOffset',
    'multiplyByParameterScale',
    'clippingThreshold',
  ];
  const more = ['momentum', 'dtypeMomentum', 'weightDecayRate', 'eps', 'factored', 'weightDecayMask'];
  requireOptions(options, [...names, ...more], 'optim.adafactor');
  requireGivenRate(learningRate, 'optim.adafactor');
  const {
    clippingThreshold = 1,
    multiplyByParameterScale = true,
    momentum,
    dtypeMomentum = 'float32',
  } = options;
  const { weightDecayRate, weightDecayMask } = options;
  const steps = [
    scaleByFactoredRms({
      factored: options.factored,
      decayRate: options.decayRate,
      stepOffset: options.decayOffset,
      minDimSizeToFactor: options.minDimSizeToFactor,
      epsilon: options.eps,
    }),
  ];
  if (clippingThreshold !== null) steps.push(clipByBlockRms(clippingThreshold));
  if (learningRate !== undefined && learningRate !== null) {
    steps.push(scaleByLearningRate(learningRate, { flipSign: false }));
  }
  if (multiplyByParameterScale) steps.push(scaleByParamBlockRms());
  if (momentum !== undefined && momentum !== null) {
    steps.push(ema(momentum, { debias: false, accumulatorDtype: dtypeMomentum }));
  }
  if (weightDecayRate !== undefined && weightDecayRate !== null) {
    steps.push(addDecayedWeights(weightDecayRate, { mask: weightDecayMask }));
  }
  return chain(...steps, scale(-1));
}
