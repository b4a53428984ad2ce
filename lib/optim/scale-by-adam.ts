import { dtypeInfo, type DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import { full, pow, to } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { requireState, type GradientTransformation } from './base';
import { countFor, increment, Updates, zerosFor } from './updates';

export interface AdamOptions {
  /** The decay of the mean of gradients; 0.9 unless given. */
  readonly b1?: number | undefined;
  /** The decay of the mean of squared gradients; 0.999 unless given. */
  readonly b2?: number | undefined;
  /** Added outside of the square root; 1e-8 unless given. */
  readonly eps?: number | undefined;
  /** Added inside of the square root, for gradients through the optimiser; 0 unless given. */
  readonly epsRoot?: number | undefined;
  /** The dtype in which the mean of gradients is kept; that of the parameters unless given. */
  readonly muDtype?: DType | undefined;
  /** Whether to look one step ahead, as Nesterov does; false unless given. */
  readonly nesterov?: boolean | undefined;
}

/** The names of the options. */
export const adamOptions = ['b1', 'b2', 'eps', 'epsRoot', 'muDtype', 'nesterov'];

/**
 * Divides the mean of past gradients by the root of the mean of their squares, both corrected for starting at zero.
 *
 * The state is `{ count, mu, nu }`, as Optax's `ScaleByAdamState`: count int32[], mu and nu trees like the parameters.
 *
 * @see optax.scale_by_adam; Kingma and Ba 2014, arXiv:1412.6980, algorithm 1; Dozat 2016 for `nesterov`.
 */
export function scaleByAdam(options: AdamOptions = {}): GradientTransformation {
  const op = 'optim.scaleByAdam';
  requireOptions(options, adamOptions, op);
  const { b1 = 0.9, b2 = 0.999, eps = 1e-8, epsRoot = 0, muDtype, nesterov = false } = options;
  return {
    init: (params) => ({ count: countFor(params), mu: zerosFor(params, muDtype), nu: zerosFor(params) }),
    update(updates, state) {
      const { count: before, mu, nu } = requireState(state, ['count', 'mu', 'nu'], op);
      const count = increment(before as Tensor);
      const first = new BiasCorrection(b1, count);
      const ahead = new BiasCorrection(b1, nesterov ? increment(count) : count);
      const second = new BiasCorrection(b2, count);

      const step = (gradient: Tensor, m: Tensor, v: Tensor): readonly Tensor[] => {
        const nextM = average(m, gradient, b1);
        const nextV = v.mul(b2).addcmul(gradient, conjugate(gradient), { value: 1 - b2 });
        let meanGradient = nextM.div(ahead.for(nextM));
        if (nesterov) {
          meanGradient = meanGradient.mul(b1).add(gradient.div(first.for(gradient)), { alpha: 1 - b1 });
        }
        const meanSquare = nextV.div(second.for(nextV));
        const root = (epsRoot === 0 ? meanSquare : meanSquare.add(epsRoot)).sqrt();
        return [meanGradient.div(root.add(eps)), kept(nextM, muDtype ?? nextM.dtype), kept(nextV, v.dtype)];
      };
      const results = new Updates(updates, op).mapToSeveral(step, { mu, nu });
      const [direction, nextMu = mu, nextNu = nu] = results;
      return [direction as typeof updates, { count, mu: nextMu, nu: nextNu }];
    },
  };
}

/** 1 - decay^count, in the dtypes that are asked for. */
class BiasCorrection {
  private readonly decay: number;
  private readonly count: Tensor;
  private readonly made = new Map<DType, Tensor>();

  constructor(decay: number, count: Tensor) {
    this.decay = decay;
    this.count = count;
  }

  for(like: Tensor): Tensor {
    const { dtype } = like;
    const made = this.made.get(dtype) ?? this.make(dtype);
    this.made.set(dtype, made);
    return made;
  }

  private make(dtype: DType): Tensor {
    const count = to(this.count, 'float64');
    if (dtype === 'float64' || dtype === 'complex128') return kept(pow(this.decay, count).rsub(1), dtype);
    // Optax computes it in float32, where 1 - 0.999 is off by 1e-5; the power itself is rounded once.
    const single = to(pow(Math.fround(this.decay), count), 'float32').rsub(1);
    return kept(single, dtype);
  }
}

/** decay · mean + (1 - decay) · value. */
function average(mean: Tensor, value: Tensor, decay: number): Tensor {
  if (mean.dtype === value.dtype) return mean.lerp(value, 1 - decay);
  // A mean of lower precision decays by the factor as that precision has it, as in Optax.
  const factor = full([], decay, { dtype: mean.dtype, device: mean.device });
  return value.mul(1 - decay).add(mean.mul(factor));
}

function conjugate(value: Tensor): Tensor {
  return dtypeInfo(value.dtype).kind === 'complex' ? value.conjPhysical() : value;
}

function kept(value: Tensor, dtype: DType): Tensor {
  return value.dtype === dtype ? value : to(value, dtype);
}
