import { ArgumentError, ShapeError } from '../base/errors';
import { dtypeInfo } from '../base/dtype';
import { requireOptions } from '../base/options';
import { field, Module } from '../module';
import { add, avgPool2d, avgPool3d, full, maximum, maxPool2d, maxPool3d, where } from '../ops';
import { Tensor } from '../tensor/tensor';
import { describe } from '../tree';
import {
  padsPerAxis,
  perAxis,
  requireCallable,
  requireFlag,
  requireInput,
  requireKind,
  requireSize,
  requireTensor,
  spatialWords,
  type ForwardOptions,
  type PaddingLike,
  type Pads,
  type PerAxis,
} from './arguments';
import { padConstant } from './padding';

export interface PoolOptions {
  /** How far the window moves; 1 unless given, unlike PyTorch's. */
  readonly stride?: PerAxis | undefined;
  /** Padding before and after each axis, 0 unless given: one integer, one for each axis, or a pair for each. */
  readonly padding?: PaddingLike | undefined;
  /** Whether a window that reaches over the end counts, on padding; false unless given. */
  readonly useCeil?: boolean | undefined;
}

/** How two elements of a window become one; takes and gives tensors of the same shape. */
export type PoolOperation = (a: Tensor, b: Tensor) => Tensor;

const isStatic = field({ static: true });

/**
 * Reduces windows that slide over the spatial axes.
 *
 * @see equinox.nn.Pool. Difference: `useCeil` pads only as far as the last window reaches (Equinox adds a whole
 *   stride), which gives the same windows and refuses fewer shapes.
 */
export class Pool extends Module {
  static readonly fields = {
    numSpatialDims: isStatic,
    kernelSize: isStatic,
    stride: isStatic,
    padding: isStatic,
    useCeil: isStatic,
  };
  readonly init: number | Tensor;
  readonly operation: PoolOperation;
  readonly numSpatialDims: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly Pads[];
  readonly useCeil: boolean;

  /**
   * @param init  What stands in the padding and begins each window: the operation's neutral element.
   * @param operation  Associative, as `ops.add` and `ops.maximum` are.
   * @param numSpatialDims  The number of spatial axes.
   * @param kernelSize  The size of the window: one integer, or one for each axis.
   * @throws ERR_ARGUMENT for a size that is none, or an unknown option.
   */
  constructor(
    init: number | Tensor,
    operation: PoolOperation,
    numSpatialDims: number,
    kernelSize: PerAxis,
    options: PoolOptions = {},
  ) {
    super();
    const name = `nn.${new.target.name}`;
    requireOptions(options, ['stride', 'padding', 'useCeil'], name);
    requireSize(numSpatialDims, 'numSpatialDims', name, 1);
    requireCallable(operation, 'operation', name);
    if (typeof (init as unknown) !== 'number') requireTensor(init, 'an init', name);
    const useCeil = options.useCeil ?? false;
    requireFlag(useCeil, 'useCeil', name);
    this.init = init;
    this.operation = operation;
    this.numSpatialDims = numSpatialDims;
    this.kernelSize = perAxis(kernelSize, numSpatialDims, 'kernelSize', name);
    this.stride = perAxis(options.stride ?? 1, numSpatialDims, 'stride', name);
    this.padding = padsPerAxis(options.padding ?? 0, numSpatialDims, name);
    this.useCeil = useCeil;
    this.padding.forEach(([before, after], axis) => {
      const size = this.kernelSize[axis] ?? 1;
      if (Math.max(before, after) > size || Math.min(before, after) < 0) {
        throw new ArgumentError(
          `${name}: expected padding from 0 to the size of the window, ${size} along axis ${axis + 1}, got [${before}, ${after}].`,
          { op: name },
        );
      }
    });
  }

  /**
   * @param x  dtype[channels, ...spatial]; integers, too.
   * @returns dtype[channels, ...new spatial].
   * @throws ERR_SHAPE for another number of axes (use `filterVmap` for a batch), or fewer cells than the window has;
   *   ERR_DTYPE for a maximum of what has no order; ERR_ARGUMENT if the operation returns something else than a tensor
   *   of the shape of its arguments.
   */
  forward(x: Tensor, _options?: ForwardOptions): Tensor {
    const name = `nn.${this.constructor.name}`;
    requireInput(x, ['channels', ...spatialWords(this.numSpatialDims)], name);
    const pads = this.pads(x, name);
    if (this.operation === maximum && this.init === -Infinity && this.numSpatialDims <= 3) {
      requireKind(x, ['float', 'int', 'uint'], 'real numbers', name);
      return this.reduceFast(x, pads, 'max');
    }
    if (this.operation === add && this.init === 0 && this.numSpatialDims <= 3 && isFloat(x)) {
      return this.reduceFast(x, pads, 'sum');
    }
    return this.reduceByOffsets(x, pads, name);
  }

  /** The padding, with what `useCeil` adds. */
  private pads(x: Tensor, name: string): readonly Pads[] {
    return this.padding.map(([before, after], axis) => {
      const kernel = this.kernelSize[axis] ?? 1;
      const stride = this.stride[axis] ?? 1;
      const length = (x.shape[axis + 1] ?? 0) + before + after;
      if (length < kernel) {
        throw new ShapeError(
          `${name}: expected at least ${kernel} cells along axis ${axis + 1}, padding included, for the window, ` +
            `got ${length} from ${x.dtype}[${x.shape.join()}].`,
          { op: name },
        );
      }
      const over = (length - kernel) % stride;
      return [before, this.useCeil && over !== 0 ? after + stride - over : after];
    });
  }

  /** By libtorch's pooling, over two or three axes. */
  private reduceFast(x: Tensor, pads: readonly Pads[], kind: 'max' | 'sum'): Tensor {
    // A single axis is the second of two.
    const isSingle = this.numSpatialDims === 1;
    const kernel = isSingle ? [1, ...this.kernelSize] : this.kernelSize;
    const stride = isSingle ? [1, ...this.stride] : this.stride;
    const filler = kind === 'sum' ? 0 : smallest(x);
    const padded = padConstant(x, pads, filler);
    const input = isSingle ? padded.unsqueeze(1) : padded;
    const isVolume = this.numSpatialDims === 3;
    let reduced: Tensor;
    if (kind === 'max') {
      reduced = isVolume ? maxPool3d(input, kernel, stride) : maxPool2d(input, kernel, stride);
    } else {
      reduced = isVolume
        ? avgPool3d(input, kernel, { stride, divisorOverride: 1 })
        : avgPool2d(input, kernel, { stride, divisorOverride: 1 });
    }
    return isSingle ? reduced.squeeze(1) : reduced;
  }

  /** By the operation itself: what stands at one place of every window, then at the next place. */
  private reduceByOffsets(x: Tensor, pads: readonly Pads[], name: string): Tensor {
    const initial =
      this.init instanceof Tensor ? this.init : full([], this.init, { dtype: x.dtype, device: x.device });
    const padded = this.surround(x, pads, initial);
    const outputs = this.kernelSize.map(
      (size, axis) => Math.floor(((padded.shape[axis + 1] ?? 0) - size) / (this.stride[axis] ?? 1)) + 1,
    );
    let result = initial.expand([x.shape[0] ?? 0, ...outputs]);
    for (const offset of offsets(this.kernelSize)) {
      let part = padded;
      offset.forEach((start, axis) => {
        const stride = this.stride[axis] ?? 1;
        part = part.slice(axis + 1, start, start + ((outputs[axis] ?? 0) - 1) * stride + 1, stride);
      });
      const next: unknown = this.operation(result, part);
      if (!(next instanceof Tensor) || next.shape.join() !== part.shape.join()) {
        throw new ArgumentError(
          `${name}: expected operation to return a tensor of the shape of its arguments, [${part.shape.join()}], got ${
            next instanceof Tensor ? `${next.dtype}[${next.shape.join()}]` : describe(next)
          }.`,
          { op: name },
        );
      }
      result = next;
    }
    return result;
  }

  private surround(x: Tensor, pads: readonly Pads[], initial: Tensor): Tensor {
    if (pads.every(([before, after]) => before === 0 && after === 0)) return x;
    const inside = padConstant(full(x.shape, true, { dtype: 'bool', device: x.device }), pads, 0);
    return where(inside, padConstant(x, pads, 0), initial);
  }
}

function isFloat(x: Tensor): boolean {
  return dtypeInfo(x.dtype).kind === 'float';
}

/** What is at most equal to any element of the dtype. */
function smallest(x: Tensor): number {
  const { kind, itemBytes } = dtypeInfo(x.dtype);
  if (kind === 'float') return -Infinity;
  return kind === 'int' ? -(2 ** (8 * itemBytes - 1)) : 0;
}

/** The places of a window, the last axis fastest. */
function offsets(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (starts, size) => starts.flatMap((start) => Array.from({ length: size }, (_, i) => [...start, i])),
    [[]],
  );
}

function mean(sum: Tensor, kernelSize: readonly number[]): Tensor {
  return sum.div(kernelSize.reduce((product, size) => product * size, 1));
}

/**
 * The maximum over windows of one spatial axis: [channels, length].
 *
 * @see equinox.nn.MaxPool1d.
 */
export class MaxPool1d extends Pool {
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(-Infinity, maximum, 1, kernelSize, options);
  }
}

/**
 * The maximum over windows of two spatial axes: [channels, height, width].
 *
 * @example
 * new nn.MaxPool2d(2, { stride: 2 });
 * @see equinox.nn.MaxPool2d.
 */
export class MaxPool2d extends Pool {
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(-Infinity, maximum, 2, kernelSize, options);
  }
}

/**
 * The maximum over windows of three spatial axes: [channels, depth, height, width].
 *
 * @see equinox.nn.MaxPool3d.
 */
export class MaxPool3d extends Pool {
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(-Infinity, maximum, 3, kernelSize, options);
  }
}

/**
 * The mean over windows of one spatial axis: [channels, length]. Padding counts as zeros.
 *
 * @see equinox.nn.AvgPool1d.
 */
export class AvgPool1d extends Pool {
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(0, add, 1, kernelSize, options);
  }

  /** As `Pool`'s; integers give float32. */
  override forward(x: Tensor, options?: ForwardOptions): Tensor {
    return mean(super.forward(x, options), this.kernelSize);
  }
}

/**
 * The mean over windows of two spatial axes: [channels, height, width]. Padding counts as zeros.
 *
 * @see equinox.nn.AvgPool2d.
 */
export class AvgPool2d extends Pool {
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(0, add, 2, kernelSize, options);
  }

  /** As `Pool`'s; integers give float32. */
  override forward(x: Tensor, options?: ForwardOptions): Tensor {
    return mean(super.forward(x, options), this.kernelSize);
  }
}

/**
 * The mean over windows of three spatial axes: [channels, depth, height, width]. Padding counts as zeros.
 *
 * @see equinox.nn.AvgPool3d.
 */
export class AvgPool3d extends Pool {
  constructor(kernelSize: PerAxis, options: PoolOptions = {}) {
    super(0, add, 3, kernelSize, options);
  }

  /** As `Pool`'s; integers give float32. */
  override forward(x: Tensor, options?: ForwardOptions): Tensor {
    return mean(super.forward(x, options), this.kernelSize);
  }
}
