import type { DType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { field, Module } from '../module';
import { arange, cat, outer, pow } from '../ops';
import type { Tensor } from '../tensor/tensor';
import {
  requireInput,
  requireKind,
  requireParameterDType,
  requireSize,
  type ForwardOptions,
} from './arguments';
import { cast } from './precision';

export interface RotaryOptions {
  /** The base of the frequencies; 10,000 unless given. Larger ones let nearness matter over longer distances. */
  readonly theta?: number | undefined;
  /** The dtype of the sines and cosines; float32 unless given. */
  readonly dtype?: DType | undefined;
}

const name = 'nn.RotaryPositionalEmbedding';
const isStatic = field({ static: true });

/**
 * Rotates pairs of features by angles that grow with the position, so that products of queries and keys depend on
 * their distance. It has no parameters.
 *
 * @example
 * const rope = new nn.RotaryPositionalEmbedding(qkSize);
 * const rotate = filterVmap(rope, { inAxes: 1, outAxes: 1 }); // over heads
 * attention.forward(x, x, x, { processHeads: (q, k, v) => [rotate(q), rotate(k), v] });
 * @see equinox.nn.RotaryPositionalEmbedding; arXiv:2104.09864. Pairs are the first and the second half of the features.
 *   Difference: embeddings of one size with another `theta` do not share their tables.
 */
export class RotaryPositionalEmbedding extends Module {
  static readonly fields = { embeddingSize: isStatic, theta: isStatic, dtype: isStatic };
  readonly embeddingSize: number;
  readonly theta: number;
  readonly dtype: DType;

  /**
   * @param embeddingSize  The number of features; even.
   * @throws ERR_ARGUMENT for a size that is negative or odd, a `theta` that is not above 0, or an unknown option;
   *   ERR_DTYPE unless the dtype is floating point.
   */
  constructor(embeddingSize: number, options: RotaryOptions = {}) {
    super();
    requireOptions(options, ['theta', 'dtype'], name);
    requireSize(embeddingSize, 'embeddingSize', name);
    if (embeddingSize % 2 !== 0) {
      throw new ArgumentError(`${name}: expected embeddingSize to be even, got ${embeddingSize}.`, {
        op: name,
      });
    }
    const { theta = 10_000, dtype = 'float32' } = options;
    if (!(theta > 0 && theta < Infinity)) {
      throw new ArgumentError(`${name}: expected theta to be a number above 0, got ${theta}.`, { op: name });
    }
    requireParameterDType(dtype, name);
    this.embeddingSize = embeddingSize;
    this.theta = theta;
    this.dtype = dtype;
  }

  /**
   * @param x  dtype[time, embeddingSize].
   * @returns dtype[time, embeddingSize], of the dtype of `x`.
   * @throws ERR_SHAPE for any other shape; use `filterVmap` for a batch, or over heads.
   */
  forward(x: Tensor, _options?: ForwardOptions): Tensor {
    requireInput(x, ['time', this.embeddingSize], name);
    requireKind(x, ['float', 'complex', 'int', 'uint'], 'numbers', name);
    const { embeddingSize, theta, dtype } = this;
    const tables = RotaryPositionalEmbedding.precomputeFreqsCis(embeddingSize, x.shape[0] ?? 0, theta, dtype);
    const [cos, sin] = tables.map((half) => cat([half, half], 1).to(x.device));
    return cast(x.mul(cos!).add(RotaryPositionalEmbedding.rotateHalf(x).mul(sin!)), x.dtype);
  }

  /** Puts the second half of the last axis, negated, before the first: dtype[..., size] to dtype[..., size]. */
  static rotateHalf(x: Tensor): Tensor {
    const size = x.shape.at(-1) ?? 0;
    const half = Math.floor(size / 2);
    return cat([x.narrow(-1, half, size - half).neg(), x.narrow(-1, 0, half)], -1);
  }

  /**
   * The cosines and sines of the angles: position · theta^(−2i / embeddingSize), computed in float32.
   *
   * @param end  The number of positions.
   * @returns dtype[end, embeddingSize / 2], twice.
   */
  static precomputeFreqsCis(
    embeddingSize: number,
    end: number,
    theta: number,
    dtype: DType,
  ): readonly [cos: Tensor, sin: Tensor] {
    const exponents = arange(0, embeddingSize, 2, { dtype: 'float32' }).div(embeddingSize);
    const frequencies = pow(theta, exponents).reciprocal();
    const angles = outer(arange(end, { dtype: 'float32' }), frequencies);
    return [cast(angles.cos(), dtype), cast(angles.sin(), dtype)];
  }
}
