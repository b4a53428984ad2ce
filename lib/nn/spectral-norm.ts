import { ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, field, type Callable } from '../module';
import * as random from '../random';
import type { Tensor } from '../tensor/tensor';
import { requireCallable, requireFlag, requireKey, requireNonNegative, requireSize } from './arguments';
import type { InferenceOptions } from './dropout';
import { namedWeight, withWeight } from './named-weight';
import { StatefulLayer } from './sequential';
import { requireState, type State } from './state';
import { StateIndex } from './state-index';
import type { ReturnOf } from './weight-norm';

export interface SpectralNormOptions {
  /** The name of the layer's field to normalise; 'weight' unless given. */
  readonly weightName?: string | undefined;
  /** How often u and v are improved at each training step; 1 unless given. */
  readonly numPowerIterations?: number | undefined;
  /** The least length by which u and v are divided; 1e-12 unless given. */
  readonly eps?: number | undefined;
  /** Whether u and v stay as they are; false unless given. */
  readonly inference?: boolean | undefined;
  /** uint32[2], for the first u and v. Required. */
  readonly key: random.Key | undefined;
}

const name = 'nn.SpectralNorm';
const isStatic = field({ static: true });

/**
 * A layer whose weight W is divided by an estimate of its largest singular value: uᵀWv, where u and v are improved by
 * power iteration at each step of training. They are kept in the state.
 *
 * @example
 * const [model, state] = nn.makeWithState(Model)(key); // Model holds new nn.SpectralNorm(linear, { key })
 * const [y, next] = this.norm.forward(x, { state });
 * @see equinox.nn.SpectralNorm; arXiv:1802.05957. Difference: `weightName` has a default.
 */
export class SpectralNorm<L extends Callable<[x: Tensor]>> extends StatefulLayer {
  static readonly fields = { weightName: isStatic, numPowerIterations: isStatic, eps: isStatic };
  readonly layer: L;
  readonly weightName: string;
  /** u and v: dtype[outSize], dtype[inSize], where all axes of the weight but the first count as one. */
  readonly uvIndex: StateIndex<readonly [u: Tensor, v: Tensor]>;
  readonly numPowerIterations: number;
  readonly eps: number;
  readonly inference: boolean;

  /**
   * @param layer  The layer.
   * @throws ERR_ARGUMENT for a missing key, an unknown option, or if the layer has no tensor of that name; ERR_SHAPE
   *   if the tensor has fewer than two axes.
   */
  constructor(layer: L, options: SpectralNormOptions) {
    super();
    const key = requireKey(options, name);
    requireCallable(layer, 'layer', name);
    requireOptions(options, ['weightName', 'numPowerIterations', 'eps', 'inference', 'key'], name);
    const { weightName = 'weight', numPowerIterations = 1, eps = 1e-12, inference = false } = options;
    requireSize(numPowerIterations, 'numPowerIterations', name);
    requireNonNegative(eps, 'eps', name);
    requireFlag(inference, 'inference', name);
    const given = namedWeight(layer, weightName, name);
    if (given.ndim < 2) {
      throw new ShapeError(
        `${name}: expected a weight with at least two axes, got ${given.dtype}[${given.shape.join()}].`,
        { op: name },
      );
    }
    this.layer = layer;
    this.weightName = weightName;
    const weight = asMatrix(given);
    const keys = random.split(key);
    let [u, v] = [0, 1].map((i) =>
      random.normal(keys.select(0, i), [weight.shape[i] ?? 0], { dtype: weight.dtype }),
    ) as [Tensor, Tensor];
    for (let i = 0; i < 15; i++) [u, v] = powerIteration(weight, v, eps);
    this.uvIndex = new StateIndex([u, v] as const);
    this.numPowerIterations = numPowerIterations;
    this.eps = eps;
    this.inference = inference;
  }

  /**
   * @param x  What the layer takes.
   * @param options  `state`: required.
   * @returns What the layer returns, and the next state; the same one in inference.
   * @throws ERR_ARGUMENT without a state.
   */
  forward(
    x: Tensor,
    options: InferenceOptions & { readonly state: State },
  ): readonly [y: ReturnOf<L>, state: State] {
    let state = requireState(options, name);
    let [u, v] = state.get(this.uvIndex);
    const given = namedWeight(this.layer, this.weightName, name);
    const weight = asMatrix(given);
    if (u.shape[0] !== weight.shape[0] || v.shape[0] !== weight.shape[1]) {
      throw new ShapeError(
        `${name}: expected the state of this layer, with u and v for a weight of shape [${weight.shape.join()}], got ` +
          `[${u.shape.join()}] and [${v.shape.join()}]. Pass the state that nn.makeWithState(Model)(...) made together with the model.`,
        { op: name },
      );
    }
    if (!(options.inference ?? this.inference)) {
      const fixed = weight.detach();
      for (let i = 0; i < this.numPowerIterations; i++) [u, v] = powerIteration(fixed, v, this.eps);
      state = state.set(this.uvIndex, [u, v]);
    }
    const sigma = u.matmul(weight.matmul(v));
    const layer = withWeight(this.layer, this.weightName, given.div(sigma));
    return [call(layer, x) as ReturnOf<L>, state];
  }
}

function asMatrix(weight: Tensor): Tensor {
  return weight.reshape([weight.shape[0] ?? 0, -1]);
}

function powerIteration(weight: Tensor, v: Tensor, eps: number): [u: Tensor, v: Tensor] {
  const u = unit(weight.matmul(v), eps);
  return [u, unit(weight.t().matmul(u), eps)];
}

function unit(x: Tensor, eps: number): Tensor {
  return x.div(x.square().sum().sqrt().clampMin(eps));
}
