import type { DType } from '../base/dtype';
import { ArgumentError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { field, Module } from '../module';
import { groupNorm, ones, zeros } from '../ops';
import type { Tensor } from '../tensor/tensor';
import {
  requireFlag,
  requireKind,
  requireNonNegative,
  requireParameterDType,
  requireSize,
  requireTensor,
} from './arguments';
import { atLeastFloat32, cast } from './precision';
import { passState, type NoState, type PassState } from './shape-norm';

export interface GroupNormOptions {
  /** What is added to the variance, so that nothing is divided by 0; 1e-5 unless given. */
  readonly eps?: number | undefined;
  /** Whether each channel has a learnt weight and bias; true unless given. */
  readonly channelwiseAffine?: boolean | undefined;
  /** The dtype of weight and bias; float32 unless given. */
  readonly dtype?: DType | undefined;
}

const name = 'nn.GroupNorm';
const isStatic = field({ static: true });

/**
 * Normalises groups of channels, each over its channels and all spatial axes:
 * (x − mean) / sqrt(variance + eps) · weight + bias, with a weight and a bias for each channel.
 *
 * @example
 * new nn.GroupNorm(4, 64);
 * @see equinox.nn.GroupNorm; arXiv:1803.08494.
 */
export class GroupNorm extends Module {
  static readonly fields = {
    groups: isStatic,
    channels: isStatic,
    eps: isStatic,
    channelwiseAffine: isStatic,
  };
  readonly groups: number;
  readonly channels: number | null;
  readonly eps: number;
  readonly channelwiseAffine: boolean;
  /** dtype[channels], ones at first; null without `channelwiseAffine`. */
  readonly weight: Tensor | null;
  /** dtype[channels], zeros at first; null without `channelwiseAffine`. */
  readonly bias: Tensor | null;

  /**
   * @param groups  The number of groups.
   * @param channels  The channels of the input, divisible by `groups`; null for any, without `channelwiseAffine`.
   * @throws ERR_ARGUMENT for a number that does not fit, or an unknown option; ERR_DTYPE for a dtype that parameters
   *   cannot have.
   */
  constructor(groups: number, channels: number | null, options: GroupNormOptions = {}) {
    super();
    requireOptions(options, ['eps', 'channelwiseAffine', 'dtype'], name);
    const { eps = 1e-5, channelwiseAffine = true, dtype = 'float32' } = options;
    requireSize(groups, 'groups', name, 1);
    requireNonNegative(eps, 'eps', name);
    requireFlag(channelwiseAffine, 'channelwiseAffine', name);
    requireParameterDType(dtype, name);
    if (channels !== null) {
      requireSize(channels, 'channels', name);
      if (channels % groups !== 0) {
        throw new ArgumentError(
          `${name}: expected channels to be divisible by groups, got ${channels} and ${groups}.`,
          { op: name },
        );
      }
    } else if (channelwiseAffine) {
      throw new ArgumentError(
        `${name}: expected the number of channels for weight and bias, got null. Pass it, or { channelwiseAffine: false }.`,
        { op: name },
      );
    }
    this.groups = groups;
    this.channels = channels;
    this.eps = eps;
    this.channelwiseAffine = channelwiseAffine;
    this.weight = channelwiseAffine ? ones([channels ?? 0], { dtype }) : null;
    this.bias = channelwiseAffine ? zeros([channels ?? 0], { dtype }) : null;
  }

  /**
   * @param x  dtype[channels, ...spatial].
   * @param options  A `state` is passed through, so that the layer can stand where `BatchNorm` does.
   * @returns dtype[channels, ...spatial], of the dtype of `x`; `[y, state]` if a state was given.
   * @throws ERR_SHAPE for another number of channels (use `filterVmap` for a batch); ERR_DTYPE for complex numbers.
   */
  forward<S>(x: Tensor, options: PassState<S>): readonly [y: Tensor, state: S];
  forward(x: Tensor, options?: NoState): Tensor;
  forward(x: Tensor, options?: { readonly state?: unknown }): unknown {
    this.requireChannels(x);
    requireKind(x, ['float', 'int', 'uint', 'bool'], 'real numbers', name);
    const dtype = atLeastFloat32(x.dtype);
    const wide = (t: Tensor | null): Tensor | null => (t === null ? null : cast(t, dtype));
    const batch = cast(x, dtype).unsqueeze(0);
    const y = groupNorm(batch, this.groups, wide(this.weight), wide(this.bias), this.eps);
    return passState(cast(y.squeeze(0), x.dtype), options);
  }

  private requireChannels(x: Tensor): void {
    requireTensor(x, 'an input', name);
    const given = x.shape[0];
    if (given !== undefined && (this.channels === null ? given % this.groups === 0 : given === this.channels))
      return;
    const wanted = this.channels === null ? `a multiple of ${this.groups}` : String(this.channels);
    throw new ShapeError(
      `${name}: expected an input of shape [channels,...] with ${wanted} channels, got ${x.dtype}[${x.shape.join()}]. ` +
        'It takes one example: use filterVmap for a batch.',
      { op: name },
    );
  }
}
