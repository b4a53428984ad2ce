import { dtypeInfo } from '../base/dtype';
import { ArgumentError, ShapeError } from '../base/errors';
import { field, Module } from '../module';
import { amax, cat, mean } from '../ops';
import { Tensor } from '../tensor/tensor';
import { filterVmap } from '../transform';
import { describe } from '../tree';
import {
  perAxis,
  requireCallable,
  requireInput,
  requireKind,
  requireSize,
  spatialWords,
  type ForwardOptions,
  type PerAxis,
} from './arguments';

/** How the elements of a window, dtype[size], become one, dtype[]. */
export type ReduceOperation = (window: Tensor) => Tensor;

const isStatic = field({ static: true });

/**
 * Reduces windows of such sizes that the spatial axes get a given shape.
 *
 * The windows do not overlap: of n cells for t results the first n mod t windows have ⌊n/t⌋ + 1 cells, the others
 * ⌊n/t⌋. The axes are reduced one after the other.
 *
 * @see equinox.nn.AdaptivePool. Unlike PyTorch's adaptive pools, whose windows overlap. Difference: the operation is
 *   applied once, also where the windows are of one size.
 */
export class AdaptivePool extends Module {
  static readonly fields = { targetShape: isStatic };
  readonly targetShape: readonly number[];
  readonly operation: ReduceOperation;

  /**
   * @param targetShape  The spatial shape of the result: one integer, or one for each axis.
   * @param numSpatialDims  The number of spatial axes.
   * @param operation  Reduces a window of one axis to a scalar; it is mapped over all windows.
   * @throws ERR_ARGUMENT for a size that is none, or an operation that is no function.
   */
  constructor(targetShape: PerAxis, numSpatialDims: number, operation: ReduceOperation) {
    super();
    const name = `nn.${new.target.name}`;
    requireSize(numSpatialDims, 'numSpatialDims', name, 1);
    requireCallable(operation, 'operation', name);
    this.targetShape = perAxis(targetShape, numSpatialDims, 'targetShape', name);
    this.operation = operation;
  }

  /**
   * @param x  dtype[channels, ...spatial].
   * @returns dtype[channels, ...targetShape].
   * @throws ERR_SHAPE for another number of axes (use `filterVmap` for a batch), or fewer cells than results; ERR_DTYPE
   *   for a maximum of complex numbers; ERR_ARGUMENT if the operation returns something else than a scalar.
   */
  forward(x: Tensor, _options?: ForwardOptions): Tensor {
    const name = `nn.${this.constructor.name}`;
    requireInput(x, ['channels', ...spatialWords(this.targetShape.length)], name);
    this.targetShape.forEach((target, i) => {
      if ((x.shape[i + 1] ?? 0) >= target) return;
      throw new ShapeError(
        `${name}: expected at least ${target} cells along axis ${i + 1}, got ${x.dtype}[${x.shape.join()}].`,
        { op: name },
      );
    });
    if (this.operation === largest) {
      requireKind(x, ['float', 'int', 'uint', 'bool'], 'real numbers', name);
    }
    return this.targetShape.reduce((y, target, i) => this.reduceAxis(y, i + 1, target), x);
  }

  private reduceAxis(x: Tensor, axis: number, target: number): Tensor {
    const length = x.shape[axis] ?? 0;
    const size = Math.floor(length / target);
    const larger = length % target;
    const head = larger * (size + 1);
    const last = x.movedim(axis, -1);
    const parts = [
      ...(larger > 0 ? [this.reduceWindows(last.narrow(-1, 0, head), larger, size + 1)] : []),
      this.reduceWindows(last.narrow(-1, head, length - head), target - larger, size),
    ];
    return (parts.length === 1 ? parts[0]! : cat(parts, -1)).movedim(-1, axis);
  }

  /** dtype[..., count · size] to dtype[..., count]. */
  private reduceWindows(x: Tensor, count: number, size: number): Tensor {
    const outer = x.shape.slice(0, -1);
    const windows = outer.reduce((product, length) => product * length, count);
    const reduced: unknown = filterVmap(this.operation)(x.reshape([windows, size]));
    if (reduced instanceof Tensor && reduced.ndim === 1) return reduced.reshape([...outer, count]);
    const got =
      reduced instanceof Tensor ? `${reduced.dtype}[${reduced.shape.slice(1).join()}]` : describe(reduced);
    const layer = `nn.${this.constructor.name}`;
    throw new ArgumentError(`${layer}: expected operation to return a tensor of shape [], got ${got}.`, {
      op: layer,
    });
  }
}

function average(window: Tensor): Tensor {
  const { kind } = dtypeInfo(window.dtype);
  return mean(kind === 'float' || kind === 'complex' ? window : window.to('float32'));
}

function largest(window: Tensor): Tensor {
  return amax(window);
}

/**
 * The means of windows of one spatial axis: [channels, length] to [channels, target].
 *
 * @see equinox.nn.AdaptiveAvgPool1d.
 */
export class AdaptiveAvgPool1d extends AdaptivePool {
  constructor(targetShape: PerAxis) {
    super(targetShape, 1, average);
  }
}

/**
 * The means of windows of two spatial axes: [channels, height, width] to [channels, ...targetShape].
 *
 * @see equinox.nn.AdaptiveAvgPool2d.
 */
export class AdaptiveAvgPool2d extends AdaptivePool {
  constructor(targetShape: PerAxis) {
    super(targetShape, 2, average);
  }
}

/**
 * The means of windows of three spatial axes: [channels, depth, height, width] to [channels, ...targetShape].
 *
 * @see equinox.nn.AdaptiveAvgPool3d.
 */
export class AdaptiveAvgPool3d extends AdaptivePool {
  constructor(targetShape: PerAxis) {
    super(targetShape, 3, average);
  }
}

/**
 * The maxima of windows of one spatial axis: [channels, length] to [channels, target].
 *
 * @see equinox.nn.AdaptiveMaxPool1d.
 */
export class AdaptiveMaxPool1d extends AdaptivePool {
  constructor(targetShape: PerAxis) {
    super(targetShape, 1, largest);
  }
}

/**
 * The maxima of windows of two spatial axes: [channels, height, width] to [channels, ...targetShape].
 *
 * @see equinox.nn.AdaptiveMaxPool2d.
 */
export class AdaptiveMaxPool2d extends AdaptivePool {
  constructor(targetShape: PerAxis) {
    super(targetShape, 2, largest);
  }
}

/**
 * The maxima of windows of three spatial axes: [channels, depth, height, width] to [channels, ...targetShape].
 *
 * @see equinox.nn.AdaptiveMaxPool3d.
 */
export class AdaptiveMaxPool3d extends AdaptivePool {
  constructor(targetShape: PerAxis) {
    super(targetShape, 3, largest);
  }
}
