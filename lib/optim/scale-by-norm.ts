import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { zeros } from '../ops';
import { Tensor } from '../tensor/tensor';
import {
  requireDtypes,
  requireNumber,
  requireNumbers,
  requireParams,
  requireState,
  stateless,
  type GradientTransformation,
} from './base';
import {
  atLeast,
  inDType,
  kept,
  lengthOf,
  plus,
  rootMeanSquare,
  scalarLike,
  sumOfSquares,
  times,
  type Scalar,
} from './scalar';
import { globalNorm } from './clip';
import { madeFor, Updates } from './updates';
import type { DType } from '../base/dtype';

export interface TrustRatioOptions {
  /** The least norm that counts; 0 unless given. */
  readonly minNorm?: Scalar | undefined;
  /** A factor; 1 unless given. */
  readonly trustCoefficient?: Scalar | undefined;
  /** Added to the norm of the update; 0 unless given. */
  readonly eps?: Scalar | undefined;
}

/**
 * Multiplies each tensor of the updates by the ratio of the norms of the parameter and of the update.
 *
 * @throws ERR_ARGUMENT, in `update`, if it gets no parameters.
 * @see optax.scale_by_trust_ratio; You et al. 2020, arXiv:1904.00962.
 */
export function scaleByTrustRatio(options: TrustRatioOptions = {}): GradientTransformation {
  const op = 'optim.scaleByTrustRatio';
  requireOptions(options, ['minNorm', 'trustCoefficient', 'eps'], op);
  const { minNorm = 0, trustCoefficient = 1, eps = 0 } = options;
  requireNumbers({ minNorm, trustCoefficient, eps }, op);
  return stateless((updates, params) =>
    new Updates(updates, op).map(
      (update, param) => {
        const paramNorm = atLeast(lengthOf(param), minNorm);
        const updateNorm = atLeast(lengthOf(update), minNorm);
        const ratio = times(paramNorm, trustCoefficient).div(plus(updateNorm, eps));
        const isZero = paramNorm.eq(0).logicalOr(updateNorm.eq(0));
        return update.mul(inDType(ratio.maskedFill(isZero, 1), update));
      },
      { params: requireParams(params, op) },
    ),
  );
}

/**
 * Multiplies each tensor of the updates by the norm of its parameter.
 *
 * @param minScale  The least norm that counts; 1e-3 unless given.
 * @throws ERR_ARGUMENT, in `update`, if it gets no parameters.
 * @see optax.scale_by_param_block_norm.
 */
export function scaleByParamBlockNorm(minScale: Scalar = 1e-3): GradientTransformation {
  requireNumber('minScale', minScale, 'optim.scaleByParamBlockNorm');
  return byParameter('optim.scaleByParamBlockNorm', (param) => atLeast(lengthOf(param), minScale));
}

/**
 * Multiplies each tensor of the updates by the root mean square of its parameter.
 *
 * @param minScale  The least one that counts; 1e-3 unless given.
 * @throws ERR_ARGUMENT, in `update`, if it gets no parameters.
 * @see optax.scale_by_param_block_rms.
 */
export function scaleByParamBlockRms(minScale: Scalar = 1e-3): GradientTransformation {
  requireNumber('minScale', minScale, 'optim.scaleByParamBlockRms');
  return byParameter('optim.scaleByParamBlockRms', (param) => atLeast(rootMeanSquare(param), minScale));
}

function byParameter(op: string, factor: (param: Tensor) => Tensor): GradientTransformation {
  return stateless((updates, params) =>
    new Updates(updates, op).map((update, param) => update.mul(inDType(factor(param), update)), {
      params: requireParams(params, op),
    }),
  );
}

export interface UpdateNormOptions {
  /** The norm that the updates get; 1 unless given. */
  readonly scaleFactor?: Scalar | undefined;
  /** Added to their norm; 1e-6 unless given. */
  readonly eps?: Scalar | undefined;
}

/**
 * Divides all updates by their global norm.
 *
 * @see optax.normalize_by_update_norm.
 */
export function normalizeByUpdateNorm(options: UpdateNormOptions = {}): GradientTransformation {
  const op = 'optim.normalizeByUpdateNorm';
  requireOptions(options, ['scaleFactor', 'eps'], op);
  const { scaleFactor = 1, eps = 1e-6 } = options;
  requireNumbers({ scaleFactor, eps }, op);
  return stateless((updates) => {
    const norm = plus(globalNorm(updates), eps).div(scaleFactor);
    return new Updates(updates, op).map((update) => update.div(inDType(norm, update)));
  });
}

export interface DistanceOptions {
  /** The first distance, as a part of one more than the parameters' norm; 1e-6 unless given. */
  readonly repsRel?: Scalar | undefined;
  /** Added inside of the square root; 1e-8 unless given. */
  readonly eps?: Scalar | undefined;
  /** The dtype in which the first parameters are kept; float32 unless given. */
  readonly paramDtype?: DType | undefined;
  /** A factor; 1 unless given. */
  readonly globalScale?: Scalar | undefined;
}

/**
 * Multiplies each tensor by the largest distance that its parameter has moved from its start, over the root of the sum
 * of the gradients' squared norms: no learning rate is needed.
 *
 * The state is `{ maxDist, gradSumOfSquares, initParams }`.
 *
 * @throws ERR_ARGUMENT, in `update`, if it gets no parameters.
 * @see optax.scale_by_distance_over_gradients; Ivgi et al. 2023, arXiv:2302.12022.
 */
export function scaleByDistanceOverGradients(options: DistanceOptions = {}): GradientTransformation {
  const op = 'optim.scaleByDistanceOverGradients';
  requireOptions(options, ['repsRel', 'eps', 'paramDtype', 'globalScale'], op);
  const { repsRel = 1e-6, eps = 1e-8, paramDtype = 'float32', globalScale = 1 } = options;
  requireNumbers({ repsRel, eps, globalScale }, op);
  requireDtypes({ paramDtype }, op);
  return {
    init: (params) => ({
      maxDist: madeFor(params, (param) => times(lengthOf(param).add(1), repsRel)),
      gradSumOfSquares: madeFor(params, ({ device }) => zeros([1], { device })),
      initParams: madeFor(params, (param) => kept(param, paramDtype)),
    }),
    update(updates, state, params) {
      requireParams(params, op);
      const names = ['maxDist', 'gradSumOfSquares', 'initParams'] as const;
      const { maxDist, gradSumOfSquares, initParams } = requireState(state, names, op);
      const step = (update: Tensor, ...parts: unknown[]): readonly Tensor[] => {
        const [farthest, sum, start, param] = parts as Tensor[];
        const distance = farthest!.maximum(kept(lengthOf(param!.sub(start!)), farthest!.dtype));
        const nextSum = sum!.add(sumOfSquares(update));
        const rate = times(distance.div(plus(nextSum.select(0, 0), eps).sqrt()), globalScale);
        return [update.mul(inDType(rate, update)), distance, nextSum];
      };
      const free = { maxDist, gradSumOfSquares };
      const results = new Updates(updates, op).mapParts(step, free, { initParams, params });
      const [changed, nextDist = maxDist, nextSum = gradSumOfSquares] = results;
      return [changed as typeof updates, { maxDist: nextDist, gradSumOfSquares: nextSum, initParams }];
    },
  };
}

export interface PolyakOptions {
  /** The least value that the loss can have; 0 unless given. */
  readonly fMin?: Scalar | undefined;
  /** The largest step; 1 unless given. */
  readonly maxLearningRate?: Scalar | undefined;
  /** Added to the squared norm; 0 unless given. */
  readonly eps?: Scalar | undefined;
  /** 'sps' (the default), or 'sps+', which never steps backwards. */
  readonly variant?: 'sps' | 'sps+' | undefined;
}

/**
 * Multiplies updates by the loss above its least value over the gradients' squared norm.
 *
 * `update` needs the loss as `{ value }` in its fourth argument.
 *
 * @throws ERR_ARGUMENT for another variant, and, in `update`, without the value.
 * @see optax.scale_by_polyak; Loizou et al. 2021, arXiv:2002.10542.
 */
export function scaleByPolyak(options: PolyakOptions = {}): GradientTransformation {
  const op = 'optim.scaleByPolyak';
  requireOptions(options, ['fMin', 'maxLearningRate', 'eps', 'variant'], op);
  const { fMin = 0, maxLearningRate = 1, eps = 0, variant = 'sps' } = options;
  requireNumbers({ fMin, maxLearningRate, eps }, op);
  if (!['sps', 'sps+'].includes(variant)) {
    throw new ArgumentError(`${op}: expected the variant 'sps' or 'sps+', got ${JSON.stringify(variant)}.`, {
      op,
    });
  }
  return stateless((updates, _params, extra) => {
    const all = new Updates(updates, op);
    const square = plus(globalNorm(updates).square(), eps);
    const value = requireValue(extra?.['value'], op);
    const height = scalarLike(value, square).sub(inDType(fMin, square));
    const gap = variant === 'sps+' ? height.relu() : height;
    const most = scalarLike(maxLearningRate, square);
    const rate = gap
      .div(square)
      .minimum(most)
      .maskedFill(square.le(2 ** -23), 0);
    return all.map((update) => update.mul(inDType(rate, update)));
  });
}

/**
 * The loss that an `update` was given.
 *
 * @throws ERR_ARGUMENT unless it is a number or a tensor.
 */
export function requireValue(value: unknown, op: string): Scalar {
  if (typeof value === 'number') return value;
  if (value instanceof Tensor) {
    requireNumber('value', value, op);
    return value;
  }
  throw new ArgumentError(
    `${op}: expected the loss as value in the fourth argument of update, got ${value === null ? 'null' : typeof value}. ` +
      'Call update(grads, state, model, { value }).',
    { op },
  );
}
