import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError, ShapeError, TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { field } from '../module';
import { ones, pow, where, zeros } from '../ops';
import { tensor } from '../tensor/create';
import type { Tensor } from '../tensor/tensor';
import { pmean, type AxisName } from '../transform';
import { describe } from '../tree';
import {
  requireFlag,
  requireNonNegative,
  requireParameterDType,
  requireSize,
  requireTensor,
} from './arguments';
import type { InferenceOptions } from './dropout';
import { cast } from './precision';
import { StatefulLayer } from './sequential';
import { requireState, type State } from './state';
import { StateIndex } from './state-index';

/**
 * Which statistics normalise a batch in training: its own ('batch', as in most libraries), or the running ones that it
 * has just changed ('ema').
 */
export type BatchNormMode = 'ema' | 'batch';

export interface BatchNormOptions {
  /** See `BatchNormMode`. Required; 'batch' is the usual one. */
  readonly mode: BatchNormMode;
  /** What is added to the variance, so that nothing is divided by 0; 1e-5 unless given. */
  readonly eps?: number | undefined;
  /** Whether each channel has a learnt weight and bias; true unless given. */
  readonly channelwiseAffine?: boolean | undefined;
  /** How much of the running statistics stays at each step, in [0, 1]; 0.99 unless given. */
  readonly momentum?: number | undefined;
  /** Whether the running statistics are used, and stay as they are; false unless given. */
  readonly inference?: boolean | undefined;
  /** The dtype of weight, bias and statistics; float32 unless given. */
  readonly dtype?: DType | undefined;
}

type Statistics = readonly [mean: Tensor, variance: Tensor];

const name = 'nn.BatchNorm';
const isStatic = field({ static: true });
const options = ['mode', 'eps', 'channelwiseAffine', 'momentum', 'inference', 'dtype'];

/**
 * Normalises each channel over the batch and all spatial axes: (x − mean) / sqrt(variance + eps) · weight + bias.
 *
 * It sees one example; the batch is the named axis of the `filterVmap` around it. Running statistics are kept in the
 * state, and used instead of those of the batch in inference.
 *
 * @example
 * const [model, state] = nn.makeWithState(Model)(key); // Model holds new nn.BatchNorm(3, 'batch', { mode: 'batch' })
 * const run = filterVmap(model, { axisName: 'batch', inAxes: [0, null], outAxes: [0, null] });
 * const [y, next] = run(xs, { state });
 * @see equinox.nn.BatchNorm; arXiv:1502.03167. As there, the variance is the biased one, and that of mode 'batch' starts
 *   from 1, of which inference makes too much for the first hundreds of steps. Difference: `mode` has no default.
 */
export class BatchNorm extends StatefulLayer {
  static readonly fields = {
    inputSize: isStatic,
    eps: isStatic,
    channelwiseAffine: isStatic,
    momentum: isStatic,
    mode: isStatic,
  };
  /** dtype[inputSize], ones at first; null without `channelwiseAffine`. */
  readonly weight: Tensor | null;
  /** dtype[inputSize], zeros at first; null without `channelwiseAffine`. */
  readonly bias: Tensor | null;
  /** Mode 'ema': whether no batch was seen yet; bool[]. */
  readonly emaFirstTimeIndex: StateIndex<Tensor> | null;
  /** Mode 'ema': running mean and variance; dtype[inputSize] each. */
  readonly emaStateIndex: StateIndex<Statistics> | null;
  /** Mode 'batch': how many batches were seen; int32[]. */
  readonly batchCounter: StateIndex<Tensor> | null;
  /** Mode 'batch': running mean and variance; dtype[inputSize] each. */
  readonly batchStateIndex: StateIndex<Statistics> | null;
  readonly axisName: AxisName;
  readonly inference: boolean;
  readonly inputSize: number;
  readonly eps: number;
  readonly channelwiseAffine: boolean;
  readonly momentum: number;
  readonly mode: BatchNormMode;

  /**
   * @param inputSize  The number of channels.
   * @param axisName  The name that the `filterVmap` around gives the batch as its `axisName`; an array for several.
   * @throws ERR_ARGUMENT for a size that is none, a missing or unknown mode, a momentum outside of [0, 1], or an
   *   unknown option; ERR_DTYPE for a dtype that parameters cannot have.
   */
  constructor(inputSize: number, axisName: AxisName, given: BatchNormOptions) {
    super();
    requireSize(inputSize, 'inputSize', name);
    requireAxisName(axisName);
    const mode: unknown = (given as BatchNormOptions | undefined)?.mode;
    if (mode !== 'ema' && mode !== 'batch') {
      throw new ArgumentError(
        `${name}: expected mode to be 'batch' or 'ema', got ${JSON.stringify(mode) as string | undefined}. Pass { mode: 'batch' }, ` +
          'with which each batch is normalised by its own statistics.',
        { op: name },
      );
    }
    requireOptions(given, options, name);
    const {
      eps = 1e-5,
      channelwiseAffine = true,
      momentum = 0.99,
      inference = false,
      dtype = 'float32',
    } = given;
    requireNonNegative(eps, 'eps', name);
    requireNonNegative(momentum, 'momentum', name);
    if (momentum > 1) {
      throw new ArgumentError(`${name}: expected momentum to be in [0, 1], got ${momentum}.`, { op: name });
    }
    requireFlag(channelwiseAffine, 'channelwiseAffine', name);
    requireFlag(inference, 'inference', name);
    requireParameterDType(dtype, name);
    const isEma = mode === 'ema';
    const empty = zeros([inputSize], { dtype });
    this.weight = channelwiseAffine ? ones([inputSize], { dtype }) : null;
    this.bias = channelwiseAffine ? zeros([inputSize], { dtype }) : null;
    this.emaFirstTimeIndex = isEma ? new StateIndex(tensor(true)) : null;
    this.emaStateIndex = isEma ? new StateIndex([empty, empty] as const) : null;
    this.batchCounter = isEma ? null : new StateIndex(tensor(0, { dtype: 'int32' }));
    this.batchStateIndex = isEma ? null : new StateIndex([empty, ones([inputSize], { dtype })] as const);
    this.axisName = typeof axisName === 'string' ? axisName : [...axisName];
    this.inference = inference;
    this.inputSize = inputSize;
    this.eps = eps;
    this.channelwiseAffine = channelwiseAffine;
    this.momentum = momentum;
    this.mode = mode;
  }

  /**
   * @param x  dtype[inputSize, ...spatial].
   * @param options  `state`: required.
   * @returns dtype[inputSize, ...spatial], and the next state; the same one in inference.
   * @throws ERR_ARGUMENT without a state; ERR_SHAPE for another number of channels; ERR_TRANSFORM in training unless
   *   some `filterVmap` around has the axis name.
   */
  forward(
    x: Tensor,
    options: InferenceOptions & { readonly state: State },
  ): readonly [y: Tensor, state: State] {
    const state = requireState(options, name);
    this.requireChannels(x);
    const { kind } = dtypeInfo(x.dtype);
    const exact = kind !== 'float' && kind !== 'complex';
    const flat = cast(x, exact ? 'float32' : x.dtype).reshape([this.inputSize, -1]);
    const inference = options.inference ?? this.inference;
    const [[mean, variance], next] = inference
      ? [this.running(state), state]
      : this.mode === 'ema'
        ? this.updateEma(flat, state)
        : this.updateBatch(flat, state);
    let y = flat.sub(mean.unsqueeze(1)).div(variance.add(this.eps).sqrt().unsqueeze(1));
    if (this.weight !== null && this.bias !== null) {
      y = y.mul(this.weight.unsqueeze(1)).add(this.bias.unsqueeze(1));
    }
    return [y.reshape(x.shape), next];
  }

  /** What inference normalises by. */
  private running(state: State): Statistics {
    const [mean, variance] = this.statistics(state);
    if (this.batchCounter === null) return [mean, variance];
    const counter = state.get(this.batchCounter);
    const share = where(counter.eq(0), 1, pow(this.momentum, counter).neg().add(1));
    return [mean.div(share), variance.div(share)];
  }

  /** What the state keeps. @throws ERR_SHAPE unless it is for as many channels. */
  private statistics(state: State): Statistics {
    const kept = state.get((this.emaStateIndex ?? this.batchStateIndex)!);
    const { shape } = kept[0];
    if (shape.length === 1 && shape[0] === this.inputSize) return kept;
    throw new ShapeError(
      `${name}: expected the state of this layer, with statistics of shape [${this.inputSize}], got [${shape.join()}]. ` +
        'Pass the state that nn.makeWithState(Model)(...) made together with the model.',
      { op: name },
    );
  }

  /** @throws ERR_TRANSFORM, in the name of the layer, without a vmap around it whose axis has the name. */
  private meanOfBatch(x: Tensor): Tensor {
    try {
      return pmean(x, this.axisName);
    } catch (cause) {
      if (!(cause instanceof TransformError)) throw cause;
      throw new TransformError(cause.message.replace('pmean', name), { op: name, cause });
    }
  }

  /** Mean and biased variance of each channel over the batch and all spatial axes. */
  private ofBatch(flat: Tensor): Statistics {
    const mean = this.meanOfBatch(flat.mean(1));
    const variance = pmean(flat.sub(mean.unsqueeze(1)).square().mean(1), this.axisName);
    return [mean, variance];
  }

  private updateEma(flat: Tensor, state: State): readonly [Statistics, State] {
    const isFirst = state.get(this.emaFirstTimeIndex!);
    const old = this.statistics(state);
    const [mean, variance] = this.ofBatch(flat).map((value, i) => {
      const moved = value.mul(1 - this.momentum).add(old[i]!.mul(this.momentum));
      return cast(where(isFirst, value, moved), old[i]!.dtype);
    }) as [Tensor, Tensor];
    const next = state.set(this.emaFirstTimeIndex!, tensor(false, { device: flat.device }));
    return [[mean, variance], next.set(this.emaStateIndex!, [mean, variance])];
  }

  private updateBatch(flat: Tensor, state: State): readonly [Statistics, State] {
    const old = this.statistics(state);
    const statistics = this.ofBatch(flat);
    const [mean, variance] = statistics.map((value, i) =>
      cast(old[i]!.mul(this.momentum).add(value.mul(1 - this.momentum)), old[i]!.dtype),
    ) as [Tensor, Tensor];
    const next = state.set(this.batchCounter!, state.get(this.batchCounter!).add(1));
    return [statistics, next.set(this.batchStateIndex!, [mean, variance])];
  }

  private requireChannels(x: Tensor): void {
    requireTensor(x, 'an input', name);
    if (x.shape[0] === this.inputSize) return;
    throw new ShapeError(
      `${name}: expected an input of shape [${this.inputSize},...], got ${x.dtype}[${x.shape.join()}]. ` +
        'It takes one example: use filterVmap with an axisName for a batch.',
      { op: name },
    );
  }
}

function requireAxisName(value: unknown): void {
  const names: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (names.length > 0 && names.every((one) => typeof one === 'string' && one !== '')) return;
  throw new ArgumentError(
    `${name}: expected axisName to be the name of the batch, or an array of names, got ${describe(value)}.`,
    { op: name },
  );
}
