import { dtypeInfo, type DType } from '../base/dtype';
import { full, pow, to, where } from '../ops';
import { inOuterScope } from '../tensor/lifetime';
import { Tensor } from '../tensor/tensor';

/** A setting of an optimiser: a number, or a tensor of no axes, as `injectHyperparams` makes it. */
export type Scalar = number | Tensor;

/** A factor that does not change the dtype of what it multiplies. */
export function inDType(factor: Scalar, like: Tensor): Scalar {
  return factor instanceof Tensor && factor.dtype !== like.dtype ? to(factor, like.dtype) : factor;
}

/** The tensor in the dtype, without an operator where it has it. */
export function kept(value: Tensor, dtype: DType): Tensor {
  return value.dtype === dtype ? value : to(value, dtype);
}

/** x · factor, in the dtype of x. */
export function times(x: Tensor, factor: Scalar): Tensor {
  return x.mul(inDType(factor, x));
}

/** x + y · factor. */
export function addScaled(x: Tensor, y: Tensor, factor: Scalar): Tensor {
  return factor instanceof Tensor ? x.add(times(y, factor)) : x.add(y, { alpha: factor });
}

/** x + addend, without an operator where the addend is 0. */
export function plus(x: Tensor, addend: Scalar): Tensor {
  return addend === 0 ? x : x.add(inDType(addend, x));
}

export function oneMinus(x: Scalar): Scalar {
  return x instanceof Tensor ? x.rsub(1) : 1 - x;
}

export function negative(x: Scalar): Scalar {
  return x instanceof Tensor ? x.neg() : -x;
}

/** The larger of each element and a bound. */
export function atLeast(x: Tensor, bound: Scalar): Tensor {
  return bound instanceof Tensor ? x.maximum(inDType(bound, x)) : x.clampMin(bound);
}

/** The smaller of each element and a bound. */
export function atMost(x: Tensor, bound: Scalar): Tensor {
  return bound instanceof Tensor ? x.minimum(inDType(bound, x)) : x.clampMax(bound);
}

/** A setting as a tensor of the dtype, where `like` is. */
export function scalarLike(value: Scalar, like: Tensor): Tensor {
  if (value instanceof Tensor) return kept(value, like.dtype);
  return full([], value, { dtype: like.dtype, device: like.device });
}

/** The first where a condition holds, else the second; a number takes the dtype of the other. */
export function choose(condition: Tensor, first: Scalar, second: Scalar, like: Tensor): Tensor {
  return where(condition, scalarLike(first, like), scalarLike(second, like));
}

/** decay · mean + (1 - decay) · value. */
export function average(mean: Tensor, value: Tensor, decay: Scalar): Tensor {
  if (mean.dtype === value.dtype) {
    return mean.lerp(value, inDType(oneMinus(decay), mean));
  }
  // A mean of lower precision decays by the factor as that precision has it, as in Optax.
  return times(value, oneMinus(decay)).add(mean.mul(scalarLike(decay, mean)));
}

/** decay · mean + (1 - decay) · |value|². */
export function averageOfSquares(mean: Tensor, value: Tensor, decay: Scalar): Tensor {
  if (typeof decay === 'number')
    return mean.mul(decay).addcmul(value, conjugate(value), { value: 1 - decay });
  return average(mean, squareOf(value), decay);
}

/** |x|², in the dtype of x. */
export function squareOf(x: Tensor): Tensor {
  return isComplex(x) ? x.mul(conjugate(x)) : x.square();
}

/** The sum of |x|², real. */
export function sumOfSquares(x: Tensor): Tensor {
  return (isComplex(x) ? x.abs() : x).square().sum();
}

/** The root of the sum of |x|², real; no axes. */
export function lengthOf(x: Tensor): Tensor {
  return sumOfSquares(x).sqrt();
}

/** The root of the mean of |x|², real; no axes. */
export function rootMeanSquare(x: Tensor): Tensor {
  return (isComplex(x) ? x.abs() : x).square().mean().sqrt();
}

export function isComplex(x: Tensor): boolean {
  return dtypeInfo(x.dtype).kind === 'complex';
}

export function conjugate(value: Tensor): Tensor {
  return isComplex(value) ? value.conjPhysical() : value;
}

/** What divides a decaying mean to make up for its start at zero: 1 - decay^count, in the dtypes that are asked for. */
export class BiasCorrection {
  private readonly decay: Scalar;
  private readonly count: Tensor;
  private readonly made = new Map<DType, Tensor>();

  constructor(decay: Scalar, count: Tensor) {
    this.decay = decay;
    this.count = count;
  }

  /** The mean without its bias. */
  correct(mean: Tensor): Tensor {
    return mean.div(this.for(mean));
  }

  for(like: Tensor): Tensor {
    const { dtype } = like;
    let made = this.made.get(dtype);
    if (made === undefined) {
      // The updates of later leaves need it too.
      made = inOuterScope(() => this.make(dtype));
      this.made.set(dtype, made);
    }
    return made;
  }

  private make(dtype: DType): Tensor {
    const count = to(this.count, 'float64');
    const { decay } = this;
    if (decay instanceof Tensor) return kept(pow(kept(decay, 'float64'), count).rsub(1), dtype);
    if (dtype === 'float64' || dtype === 'complex128') return kept(pow(decay, count).rsub(1), dtype);
    // Optax computes it in float32, where 1 - 0.999 is off by 1e-5; the power itself is rounded once.
    const single = to(pow(Math.fround(decay), count), 'float32').rsub(1);
    return kept(single, dtype);
  }
}
