import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, field, Module, type Callable } from '../module';
import type { Tensor } from '../tensor/tensor';
import { requireCallable, type ForwardOptions } from './arguments';
import { namedWeight, withWeight } from './named-weight';

export interface WeightNormOptions {
  /** The name of the layer's field to normalise; 'weight' unless given. */
  readonly weightName?: string | undefined;
  /** The axis that keeps its own norms, 0 unless given; null for one norm of the whole weight. */
  readonly axis?: number | null | undefined;
}

const name = 'nn.WeightNorm';
const isStatic = field({ static: true });

/**
 * A layer whose weight is g · v / ‖v‖: its length is learnt apart from its direction.
 *
 * @example
 * const layer = new nn.WeightNorm(new nn.Linear(2, 8, { key })); // at first the same as the layer inside
 * @see equinox.nn.WeightNorm; arXiv:1602.07868. Difference: no leaf for the function that computes the norm.
 */
export class WeightNorm<L extends Callable<[x: Tensor]>> extends Module {
  static readonly fields = { weightName: isStatic, axis: isStatic };
  readonly layer: L;
  /** The lengths: as the weight, with size 1 on every axis but `axis`. */
  readonly g: Tensor;
  readonly weightName: string;
  readonly axis: number | null;

  /**
   * @param layer  The layer; its weight becomes v.
   * @throws ERR_ARGUMENT if it has no tensor of that name, or the tensor no such axis.
   */
  constructor(layer: L, options: WeightNormOptions = {}) {
    super();
    requireCallable(layer, 'layer', name);
    requireOptions(options, ['weightName', 'axis'], name);
    const { weightName = 'weight', axis = 0 } = options;
    const weight = namedWeight(layer, weightName, name);
    if (axis !== null && !(Number.isInteger(axis) && axis >= -weight.ndim && axis < weight.ndim)) {
      throw new ArgumentError(
        `${name}: expected axis to be null or an axis of the weight, got ${axis} for ${weight.dtype}[${weight.shape.join()}].`,
        { op: name },
      );
    }
    this.layer = layer;
    this.weightName = weightName;
    this.axis = axis;
    this.g = norms(weight, axis);
  }

  /** As the layer's. */
  forward(x: Tensor, _options?: ForwardOptions): ReturnOf<L> {
    const v = namedWeight(this.layer, this.weightName, name);
    const weight = v.mul(this.g).div(norms(v, this.axis));
    return call(withWeight(this.layer, this.weightName, weight), x) as ReturnOf<L>;
  }
}

/** What a layer returns for one tensor. */
export type ReturnOf<L> = L extends Callable<[x: Tensor], infer R> ? R : never;

/** The norms over all axes but one, which are kept with size 1. */
function norms(v: Tensor, axis: number | null): Tensor {
  const kept = axis === null ? null : axis < 0 ? axis + v.ndim : axis;
  const axes = v.shape.map((_, i) => i).filter((i) => i !== kept);
  if (axes.length === 0) return v.abs();
  return v.linalgVectorNorm(2, axes, true);
}
