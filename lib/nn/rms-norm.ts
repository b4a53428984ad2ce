import { field, Module } from '../module';
import type { Tensor } from '../tensor/tensor';
import { requireInput } from './arguments';
import { atLeastFloat32, cast } from './precision';
import {
  passState,
  shapeNormFields,
  type NoState,
  type PassState,
  type ShapeNormOptions,
} from './shape-norm';

const name = 'nn.RMSNorm';
const isStatic = field({ static: true });

/**
 * Normalisation by the root mean square of the whole input: x / sqrt(mean(x²) + eps) · weight + bias.
 *
 * @see equinox.nn.RMSNorm; arXiv:1910.07467. As there, and unlike PyTorch's, it has a bias unless `useBias` is false.
 */
export class RMSNorm extends Module {
  static readonly fields = { shape: isStatic, eps: isStatic, useWeight: isStatic, useBias: isStatic };
  readonly shape: readonly number[];
  readonly eps: number;
  readonly useWeight: boolean;
  readonly useBias: boolean;
  /** dtype[...shape], ones at first; null without weight. */
  readonly weight: Tensor | null;
  /** dtype[...shape], zeros at first; null without bias. */
  readonly bias: Tensor | null;

  /**
   * @param shape  The shape of the input; a number for one axis.
   * @throws ERR_ARGUMENT for a size that is none, or an unknown option; ERR_DTYPE for a dtype that parameters cannot
   *   have.
   */
  constructor(shape: number | readonly number[], options: ShapeNormOptions = {}) {
    super();
    const fields = shapeNormFields(shape, options, name);
    this.shape = fields.shape;
    this.eps = fields.eps;
    this.useWeight = fields.useWeight;
    this.useBias = fields.useBias;
    this.weight = fields.weight;
    this.bias = fields.bias;
  }

  /**
   * @param x  dtype[...shape].
   * @param options  A `state` is passed through, so that the layer can stand where `BatchNorm` does.
   * @returns dtype[...shape], of the dtype of `x`; `[y, state]` if a state was given.
   * @throws ERR_SHAPE for any other shape; use `filterVmap` for a batch.
   */
  forward<S>(x: Tensor, options: PassState<S>): readonly [y: Tensor, state: S];
  forward(x: Tensor, options?: NoState): Tensor;
  forward(x: Tensor, options?: { readonly state?: unknown }): unknown {
    requireInput(x, this.shape, name);
    const dtype = atLeastFloat32(x.dtype);
    const wide = cast(x, dtype);
    let y = wide.mul(wide.square().mean().add(this.eps).rsqrt());
    if (this.weight !== null) y = y.mul(cast(this.weight, dtype));
    if (this.bias !== null) y = y.add(cast(this.bias, dtype));
    return passState(cast(y, x.dtype), options);
  }
}
