import { ArgumentError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { field, Module } from '../module';
import { convTranspose1d, convTranspose2d, convTranspose3d } from '../ops';
import type { Tensor } from '../tensor/tensor';
import {
  perAxis,
  requireDTypeOf,
  requireInput,
  requireKey,
  spatialWords,
  type ForwardOptions,
  type Pads,
  type PerAxis,
} from './arguments';
import { convOptions, convParameters, parsePadding, type ConvOptions } from './conv';
import { padConstant, padWithin, parsePaddingMode, type AutoPadding, type PaddingMode } from './padding';

export interface ConvTransposeOptions extends ConvOptions {
  /** How much longer the output is than the least that fits; below the stride, 0 unless given. */
  readonly outputPadding?: PerAxis | undefined;
}

const isStatic = field({ static: true });
const operators = { 1: convTranspose1d, 2: convTranspose2d, 3: convTranspose3d };

/**
 * A transposed convolution over one, two or three spatial axes: it goes from shapes that a `Conv` gives to shapes that
 * it takes, and connects the same cells as that `Conv` with the same options, inChannels and outChannels exchanged.
 *
 * `padding` is that of the `Conv`: it makes the output smaller. The kernel is not flipped. The parameters are drawn
 * uniformly from ±1/sqrt(inChannels / groups · cells of the kernel).
 *
 * @see equinox.nn.ConvTranspose. As there, `paddingMode` may be 'zeros', or 'circular' with padding 'same' or
 *   'same_lower' and no `outputPadding`. Differences: at most three spatial axes; words are kept in lower case.
 */
export class ConvTranspose extends Module {
  static readonly fields = {
    numSpatialDims: isStatic,
    inChannels: isStatic,
    outChannels: isStatic,
    kernelSize: isStatic,
    stride: isStatic,
    padding: isStatic,
    outputPadding: isStatic,
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
  readonly outputPadding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly useBias: boolean;
  readonly paddingMode: PaddingMode;

  /**
   * @param numSpatialDims  The number of spatial axes: 1, 2 or 3.
   * @param inChannels  The channels of the input; divisible by `groups`.
   * @param outChannels  The channels of the output; divisible by `groups`.
   * @param kernelSize  The size of the kernel: one integer, or one for each axis.
   * @throws ERR_ARGUMENT for a missing key, a size that is none, an `outputPadding` that is not below the stride, a
   *   padding mode that does not go with the padding, or an unknown option; ERR_DTYPE for a dtype that parameters
   *   cannot have.
   */
  constructor(
    numSpatialDims: number,
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    given: ConvTransposeOptions,
  ) {
    super();
    const name = `nn.${new.target.name}`;
    requireKey(given, name);
    requireOptions(given, [...convOptions, 'outputPadding'], name);
    const parameters = convParameters(numSpatialDims, inChannels, outChannels, kernelSize, given, name);
    const stride = perAxis(given.stride ?? 1, numSpatialDims, 'stride', name);
    const outputPadding = perAxis(given.outputPadding ?? 0, numSpatialDims, 'outputPadding', name, 0);
    if (outputPadding.some((extra, axis) => extra >= (stride[axis] ?? 1))) {
      throw new ArgumentError(
        `${name}: expected outputPadding to be below the stride, got ${JSON.stringify(outputPadding)} and ${JSON.stringify(stride)}.`,
        { op: name },
      );
    }
    const padding = parsePadding(given.padding ?? 0, numSpatialDims, name);
    const paddingMode = parsePaddingMode(given.paddingMode ?? 'zeros', name);
    requireMode(paddingMode, padding, outputPadding, name);

    this.numSpatialDims = numSpatialDims;
    this.weight = parameters.weight;
    this.bias = parameters.bias;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = parameters.kernelSize;
    this.stride = stride;
    this.padding = padding;
    this.outputPadding = outputPadding;
    this.dilation = perAxis(given.dilation ?? 1, numSpatialDims, 'dilation', name);
    this.groups = parameters.groups;
    this.useBias = parameters.bias !== null;
    this.paddingMode = paddingMode;
  }

  /**
   * @param x  dtype[inChannels, ...spatial].
   * @returns dtype[outChannels, ...new spatial].
   * @throws ERR_SHAPE for any other shape (use `filterVmap` for a batch), or if the padding leaves no output; ERR_DTYPE
   *   for another dtype than the weight's.
   */
  forward(x: Tensor, _options?: ForwardOptions): Tensor {
    const name = `nn.${this.constructor.name}`;
    requireInput(x, [this.inChannels, ...spatialWords(this.numSpatialDims)], name);
    requireDTypeOf(this.weight, x, name);
    let pads = this.kernelSize.map((_, axis) => this.padsOf(axis));
    let input = x;
    if (this.paddingMode === 'circular') {
      const reach = pads.map(([before, after], axis) => {
        const step = this.stride[axis] ?? 1;
        return [Math.floor(before / step), Math.floor(after / step)] as const;
      });
      input = padWithin(x, reach, 'circular');
      pads = pads.map(
        ([before, after], axis) => [before % this.stride[axis]!, after % this.stride[axis]!] as const,
      );
    }
    // What every window that touches the input gives is cut to what the padding leaves of it.
    const cut = pads.map(([before, after], axis) => {
      const whole = this.reachOf(axis);
      return [before - whole, after - whole] as const;
    });
    this.requireRoom(input, cut, name);
    return this.transposed(input, cut);
  }

  /** The distance from the first to the last cell of the kernel along an axis. */
  private reachOf(axis: number): number {
    return (this.dilation[axis] ?? 1) * ((this.kernelSize[axis] ?? 1) - 1);
  }

  /** The padding of the equivalent correlation with the input spread out by the stride. See arXiv:1603.07285, 14. */
  private padsOf(axis: number): Pads {
    const reach = this.reachOf(axis);
    let extra = this.outputPadding[axis] ?? 0;
    if (typeof this.padding !== 'string') {
      const [before, after] = this.padding[axis] ?? [0, 0];
      return [reach - before, reach - after + extra];
    }
    if (this.padding === 'valid') return [reach, reach + extra];
    const total = reach - (this.stride[axis] ?? 1) + extra + 1;
    extra = Math.max(-total, 0);
    const before = Math.floor((Math.max(total, 0) + (this.padding === 'same_lower' ? 1 : 0)) / 2);
    return [reach - before, reach - (Math.max(total, 0) - before) + extra];
  }

  private requireRoom(x: Tensor, cut: readonly Pads[], name: string): void {
    cut.forEach(([before, after], axis) => {
      const cells = x.shape[axis + 1] ?? 0;
      const whole = (cells - 1) * (this.stride[axis] ?? 1) + this.reachOf(axis) + 1;
      if (cells > 0 && whole + before + after > 0) return;
      throw new ShapeError(
        `${name}: expected more cells along axis ${axis + 1}, because the padding leaves no output, got ${x.dtype}[${x.shape.join()}].`,
        { op: name },
      );
    });
  }

  /** libtorch's transposed convolution flips the kernel, and has the channels of the input first. */
  private transposed(x: Tensor, cut: readonly Pads[]): Tensor {
    const { groups, outChannels, inChannels } = this;
    const spatial = this.kernelSize.map((_, axis) => axis + 2);
    const kernel = this.weight
      .reshape([groups, outChannels / groups, inChannels / groups, ...this.kernelSize])
      .transpose(1, 2)
      .reshape([inChannels, outChannels / groups, ...this.kernelSize])
      .flip(spatial);
    const bias = this.bias?.reshape([outChannels]) ?? null;
    // It can cut as much on both sides, and leave some more at the end.
    const isPlain = cut.every(
      ([before, after], axis) => before <= 0 && after >= before && after - before < (this.stride[axis] ?? 1),
    );
    const apply = operators[this.numSpatialDims as 1 | 2 | 3];
    const y = apply(x.unsqueeze(0), kernel, isPlain ? bias : null, {
      stride: this.stride,
      padding: isPlain ? cut.map(([before]) => -before) : 0,
      outputPadding: isPlain ? cut.map(([before, after]) => after - before) : 0,
      groups,
      dilation: this.dilation,
    }).squeeze(0);
    if (isPlain) return y;
    const shaped = padConstant(y, cut, 0);
    return this.bias === null ? shaped : shaped.add(this.bias);
  }
}

function requireMode(
  mode: PaddingMode,
  padding: AutoPadding | readonly Pads[],
  outputPadding: readonly number[],
  name: string,
): void {
  const isSame = padding === 'same' || padding === 'same_lower';
  if (mode === 'zeros' || (mode === 'circular' && isSame && outputPadding.every((extra) => extra === 0)))
    return;
  throw new ArgumentError(
    `${name}: expected paddingMode zeros, or circular with padding 'same' or 'same_lower' and no outputPadding, ` +
      `got ${mode} with padding ${JSON.stringify(padding)} and outputPadding ${JSON.stringify(outputPadding)}.`,
    { op: name },
  );
}

/**
 * `ConvTranspose` over one spatial axis: [inChannels, length] to [outChannels, new length].
 *
 * @see equinox.nn.ConvTranspose1d.
 */
export class ConvTranspose1d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, given: ConvTransposeOptions) {
    super(1, inChannels, outChannels, kernelSize, given);
  }
}

/**
 * `ConvTranspose` over two spatial axes: [inChannels, height, width] to [outChannels, new height, new width].
 *
 * @example
 * new nn.ConvTranspose2d(64, 3, 4, { stride: 2, padding: 1, key }); // doubles height and width
 * @see equinox.nn.ConvTranspose2d.
 */
export class ConvTranspose2d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, given: ConvTransposeOptions) {
    super(2, inChannels, outChannels, kernelSize, given);
  }
}

/**
 * `ConvTranspose` over three spatial axes: [inChannels, depth, height, width] to [outChannels, ...].
 *
 * @see equinox.nn.ConvTranspose3d.
 */
export class ConvTranspose3d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, given: ConvTransposeOptions) {
    super(3, inChannels, outChannels, kernelSize, given);
  }
}
