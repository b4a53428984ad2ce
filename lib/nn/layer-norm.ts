import { field, Module } from '../module';
import { layerNorm } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { requireInput, requireKind } from './arguments';
import { atLeastFloat32, cast } from './precision';
import {
  passState,
  shapeNormFields,
  type NoState,
  type PassState,
  type ShapeNormOptions,
} from './shape-norm';

const name = 'nn.LayerNorm';
const isStatic = field({ static: true });

/**
 * Layer normalisation over the whole input: (x − mean) / sqrt(variance + eps) · weight + bias.
 *
 * The variance is the biased one; statistics are computed in float32 for half precision. To normalise over the last
 * axes only, map over the first ones: `filterVmap(norm)(sequence)`.
 *
 * @example
 * const norm = new nn.LayerNorm(64);
 * const y = filterVmap(norm)(tokens); // float32[time, 64]
 * @see equinox.nn.LayerNorm; arXiv:1607.06450. Differences: the deprecated `elementwise_affine` does not exist;
 *   complex inputs are refused.
 */
export class LayerNorm extends Module {
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
   * @throws ERR_SHAPE for any other shape (use `filterVmap` for a batch); ERR_DTYPE for complex numbers.
   */
  forward<S>(x: Tensor, options: PassState<S>): readonly [y: Tensor, state: S];
  forward(x: Tensor, options?: NoState): Tensor;
  forward(x: Tensor, options?: { readonly state?: unknown }): unknown {
    requireInput(x, this.shape, name);
    requireKind(x, ['float', 'int', 'uint', 'bool'], 'real numbers', name);
    const dtype = atLeastFloat32(x.dtype);
    // libtorch wants at least one axis.
    const shape = this.shape.length === 0 ? [1] : this.shape;
    const shaped = (t: Tensor | null): Tensor | null =>
      t === null ? null : cast(this.shape.length === 0 ? t.reshape([1]) : t, dtype);
    // With a bias and no weight, the derivative of libtorch's derivative does not exist.
    const bias = shaped(this.bias);
    const inside = this.weight === null ? null : bias;
    let y = layerNorm(shaped(x)!, shape, shaped(this.weight), inside, this.eps);
    if (inside !== bias) y = y.add(bias!);
    return passState(cast(this.shape.length === 0 ? y.reshape([]) : y, x.dtype), options);
  }
}
