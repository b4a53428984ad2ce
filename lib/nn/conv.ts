import { ArgumentError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { field, Module } from '../module';
import { conv1d, conv2d, conv3d } from '../ops';
import * as random from '../random';
import type { Tensor } from '../tensor/tensor';
import {
  padsPerAxis,
  perAxis,
  requireFlag,
  requireDTypeOf,
  requireInput,
  requireKey,
  requireParameterDType,
  requireSize,
  spatialWords,
  type ForwardOptions,
  type InitOptions,
  type PaddingLike,
  type Pads,
  type PerAxis,
} from './arguments';
import { defaultInit } from './init';
import {
  autoPads,
  padConstant,
  padWithin,
  parsePaddingMode,
  type AutoPadding,
  type PaddingMode,
} from './padding';

export interface ConvOptions extends InitOptions {
  /** How far the kernel moves; 1 unless given. */
  readonly stride?: PerAxis | undefined;
  /**
   * Padding before and after each axis, 0 unless given: one integer, one for each axis, or a pair for each. 'same'
   * and 'same_lower' keep the size (divided by the stride, rounded up), with an odd cell at the end or at the
   * beginning; 'valid' is none. Negative numbers crop.
   */
  readonly padding?: PaddingLike | AutoPadding | Uppercase<AutoPadding> | undefined;
  /** The distance between cells of the kernel; 1 unless given. */
  readonly dilation?: PerAxis | undefined;
  /** How many convolutions run side by side, each on its part of the channels; 1 unless given. */
  readonly groups?: number | undefined;
  /** Whether to add a bias; true unless given. */
  readonly useBias?: boolean | undefined;
  /** What stands in the padding; zeros unless given. */
  readonly paddingMode?: PaddingMode | Uppercase<PaddingMode> | undefined;
}

const isStatic = field({ static: true });
/** The names of `ConvOptions`. */
export const convOptions = [
  'stride',
  'padding',
  'dilation',
  'groups',
  'useBias',
  'paddingMode',
  'dtype',
  'key',
];
const operators = { 1: conv1d, 2: conv2d, 3: conv3d };

/**
 * A convolution over one, two or three spatial axes (a cross-correlation: the kernel is not flipped).
 *
 * The parameters are drawn uniformly from ±1/sqrt(inChannels / groups · cells of the kernel).
 *
 * @see equinox.nn.Conv. Differences: at most three spatial axes; words for padding and modes are kept in lower case.
 */
export class Conv extends Module {
  static readonly fields = {
    numSpatialDims: isStatic,
    inChannels: isStatic,
    outChannels: isStatic,
    kernelSize: isStatic,
    stride: isStatic,
    padding: isStatic,
    dilation: isStatic,
    groups: isStatic,
    useBias: isStatic,
    paddingMode: isStatic,
  };
  readonly numSpatialDims: number;
  /** dtype[outChannels, inChannels / groups, ...kernelSize]. */
  readonly weight: Tensor;
  /** dtype[outChannels, 1, ...], with a 1 for each spatial axis, or null without bias. */
  readonly bias: Tensor | null;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: AutoPadding | readonly Pads[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly useBias: boolean;
  readonly paddingMode: PaddingMode;

  /**
   * @param numSpatialDims  The number of spatial axes: 1, 2 or 3.
   * @param inChannels  The channels of the input; divisible by `groups`.
   * @param outChannels  The channels of the output; divisible by `groups`.
   * @param kernelSize  The size of the kernel: one integer, or one for each axis.
   * @throws ERR_ARGUMENT for a missing key, a size that is none, or an unknown option; ERR_DTYPE for a dtype that
   *   parameters cannot have.
   */
  constructor(
    numSpatialDims: number,
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    given: ConvOptions,
  ) {
    super();
    const name = `nn.${new.target.name}`;
    requireKey(given, name);
    requireOptions(given, convOptions, name);
    const parameters = convParameters(numSpatialDims, inChannels, outChannels, kernelSize, given, name);

    this.numSpatialDims = numSpatialDims;
    this.weight = parameters.weight;
    this.bias = parameters.bias;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = parameters.kernelSize;
    this.stride = perAxis(given.stride ?? 1, numSpatialDims, 'stride', name);
    this.padding = parsePadding(given.padding ?? 0, numSpatialDims, name);
    this.dilation = perAxis(given.dilation ?? 1, numSpatialDims, 'dilation', name);
    this.groups = parameters.groups;
    this.useBias = parameters.bias !== null;
    this.paddingMode = parsePaddingMode(given.paddingMode ?? 'zeros', name);
    if (
      this.paddingMode !== 'zeros' &&
      typeof this.padding !== 'string' &&
      this.padding.some(([before, after]) => before < 0 || after < 0)
    ) {
      throw new ArgumentError(
        `${name}: expected padding of at least 0 with paddingMode ${this.paddingMode}, got ${JSON.stringify(this.padding)}.`,
        { op: name },
      );
    }
  }

  /**
   * @param x  dtype[inChannels, ...spatial].
   * @returns dtype[outChannels, ...new spatial].
   * @throws ERR_SHAPE for any other shape (use `filterVmap` for a batch), or for one that is smaller than the kernel;
   *   ERR_DTYPE for another dtype than the weight's.
   */
  forward(x: Tensor, _options?: ForwardOptions): Tensor {
    const name = `nn.${this.constructor.name}`;
    requireInput(x, [this.inChannels, ...spatialWords(this.numSpatialDims)], name);
    requireDTypeOf(this.weight, x, name);
    const spatial = x.shape.slice(1);
    const pads = spatial.map((length, axis) => this.padsOf(axis, length));
    this.requireRoom(x, pads, name);

    const isPlain =
      this.paddingMode === 'zeros' && pads.every(([before, after]) => before === after && before >= 0);
    let padded = x;
    if (!isPlain) {
      padded = this.paddingMode === 'zeros' ? padConstant(x, pads, 0) : padWithin(x, pads, this.paddingMode);
    }
    const apply = operators[this.numSpatialDims as 1 | 2 | 3];
    return apply(padded.unsqueeze(0), this.weight, this.bias?.reshape([this.outChannels]) ?? null, {
      stride: this.stride,
      padding: isPlain ? pads.map(([before]) => before) : 0,
      dilation: this.dilation,
      groups: this.groups,
    }).squeeze(0);
  }

  private padsOf(axis: number, length: number): Pads {
    if (typeof this.padding !== 'string') return this.padding[axis] ?? [0, 0];
    const kernel = this.kernelSize[axis] ?? 1;
    return autoPads(this.padding, length, {
      kernel,
      stride: this.stride[axis] ?? 1,
      dilation: this.dilation[axis] ?? 1,
    });
  }

  private requireRoom(x: Tensor, pads: readonly Pads[], name: string): void {
    pads.forEach(([before, after], axis) => {
      const length = (x.shape[axis + 1] ?? 0) + before + after;
      const reach = ((this.kernelSize[axis] ?? 1) - 1) * (this.dilation[axis] ?? 1) + 1;
      if (length < reach) {
        throw new ShapeError(
          `${name}: expected at least ${reach} cells along axis ${axis + 1}, padding included, for the kernel, ` +
            `got ${length} from ${x.dtype}[${x.shape.join()}].`,
          { op: name },
        );
      }
    });
  }
}

/** What `Conv` and `ConvTranspose` draw from their key. */
interface ConvParameters {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly kernelSize: readonly number[];
  readonly groups: number;
}

/** @throws ERR_ARGUMENT, ERR_DTYPE naming the layer. */
export function convParameters(
  numSpatialDims: number,
  inChannels: number,
  outChannels: number,
  kernelSize: PerAxis,
  given: ConvOptions,
  name: string,
): ConvParameters {
  const key = requireKey(given, name);
  if (![1, 2, 3].includes(numSpatialDims)) {
    throw new ArgumentError(`${name}: expected numSpatialDims to be 1, 2 or 3, got ${numSpatialDims}.`, {
      op: name,
    });
  }
  const { groups = 1, useBias = true, dtype = 'float32' } = given;
  requireSize(inChannels, 'inChannels', name, 1);
  requireSize(outChannels, 'outChannels', name, 1);
  requireSize(groups, 'groups', name, 1);
  requireParameterDType(dtype, name);
  requireFlag(useBias, 'useBias', name);
  if (inChannels % groups !== 0 || outChannels % groups !== 0) {
    throw new ArgumentError(
      `${name}: expected inChannels and outChannels to be divisible by groups, got ${inChannels}, ${outChannels} and ${groups}.`,
      { op: name },
    );
  }
  const kernel = perAxis(kernelSize, numSpatialDims, 'kernelSize', name);
  const perGroup = inChannels / groups;
  const limit = 1 / Math.sqrt(perGroup * kernel.reduce((product, size) => product * size, 1));
  const keys = random.split(key);
  const draw = (at: number, shape: readonly number[]): Tensor =>
    defaultInit(keys.select(0, at), shape, dtype, limit);
  return {
    weight: draw(0, [outChannels, perGroup, ...kernel]),
    bias: useBias ? draw(1, [outChannels, ...kernel.map(() => 1)]) : null,
    kernelSize: kernel,
    groups,
  };
}

/** @throws ERR_ARGUMENT unless the padding is a word or made of integers. */
export function parsePadding(
  value: PaddingLike | string,
  count: number,
  layer: string,
): AutoPadding | readonly Pads[] {
  if (typeof value !== 'string')
    return padsPerAxis(value, count, layer, ", or 'same', 'same_lower' or 'valid'");
  const word = value.toLowerCase();
  if (word === 'same' || word === 'same_lower' || word === 'valid') return word;
  throw new ArgumentError(
    `${layer}: expected padding to be 'same', 'same_lower', 'valid' or integers, got ${JSON.stringify(value)}.`,
    { op: layer },
  );
}

/**
 * `Conv` over one spatial axis: [inChannels, length] to [outChannels, new length].
 *
 * @see equinox.nn.Conv1d.
 */
export class Conv1d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, given: ConvOptions) {
    super(1, inChannels, outChannels, kernelSize, given);
  }
}

/**
 * `Conv` over two spatial axes: [inChannels, height, width] to [outChannels, new height, new width].
 *
 * @example
 * new nn.Conv2d(3, 16, 3, { padding: 1, key });
 * @see equinox.nn.Conv2d.
 */
export class Conv2d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, given: ConvOptions) {
    super(2, inChannels, outChannels, kernelSize, given);
  }
}

/**
 * `Conv` over three spatial axes: [inChannels, depth, height, width] to [outChannels, ...].
 *
 * @see equinox.nn.Conv3d.
 */
export class Conv3d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, given: ConvOptions) {
    super(3, inChannels, outChannels, kernelSize, given);
  }
}
