import { requireOptions } from '../../base/options';
import { logaddexp } from '../../ops';
import type { Tensor } from '../../tensor/tensor';
import {
  reductionOf,
  requireBroadcast,
  requireFloats,
  requireNumeric,
  requireReal,
  requireSameShape,
  sumOver,
  type ReductionOptions,
} from './arguments';

/**
 * The squared error of each element.
 *
 * @param predictions  float[...].
 * @param targets  float of the same shape; 0 unless given.
 * @returns The dtype and shape of the predictions.
 * @throws ERR_DTYPE unless the predictions are real floating point; ERR_SHAPE if the shapes differ.
 * @see optax.squared_error.
 */
export function squaredError(predictions: Tensor, targets?: Tensor): Tensor {
  return squares(predictions, targets, 'optim.squaredError');
}

/**
 * Half the squared error of each element.
 *
 * @throws as `squaredError`.
 * @see optax.l2_loss.
 */
export function l2Loss(predictions: Tensor, targets?: Tensor): Tensor {
  return squares(predictions, targets, 'optim.l2Loss').mul(0.5);
}

function squares(predictions: Tensor, targets: Tensor | undefined, op: string): Tensor {
  requireFloats('predictions', predictions, op);
  if (targets !== undefined) {
    requireReal('targets', targets, op);
    requireSameShape('predictions and targets', predictions, targets, op);
  }
  return errorsOf(predictions, targets, op).square();
}

function errorsOf(predictions: Tensor, targets: Tensor | undefined, op: string): Tensor {
  if (targets !== undefined) {
    requireReal('targets', targets, op);
    requireBroadcast('predictions and targets', predictions, targets, op);
  }
  return targets === undefined ? predictions : predictions.sub(targets);
}

/**
 * Half the squared error where it is small, and linear in the error beyond.
 *
 * @param predictions  float[...].
 * @param targets  A tensor that broadcasts; 0 unless given.
 * @param options  `delta`: the error from which on it is linear; 1 unless given.
 * @throws ERR_DTYPE unless the predictions are real floating point.
 * @see optax.huber_loss.
 */
export function huberLoss(
  predictions: Tensor,
  targets?: Tensor,
  options: { readonly delta?: number | undefined } = {},
): Tensor {
  const op = 'optim.huberLoss';
  requireOptions(options, ['delta'], op);
  requireFloats('predictions', predictions, op);
  const { delta = 1 } = options;
  requireNumeric('delta', delta, op);
  const errors = errorsOf(predictions, targets, op).abs();
  const quadratic = errors.clampMax(delta);
  return quadratic.square().mul(0.5).add(errors.sub(quadratic), { alpha: delta });
}

/**
 * The logarithm of the hyperbolic cosine of the error.
 *
 * @throws ERR_DTYPE unless the predictions are real floating point.
 * @see optax.log_cosh.
 */
export function logCosh(predictions: Tensor, targets?: Tensor): Tensor {
  const op = 'optim.logCosh';
  requireFloats('predictions', predictions, op);
  const errors = errorsOf(predictions, targets, op);
  return logaddexp(errors, errors.neg()).sub(Math.LN2);
}

export interface CosineOptions extends ReductionOptions {
  /** The least squared norm to divide by; 0 unless given. */
  readonly epsilon?: number | undefined;
}

/**
 * The cosine of the angle between vectors.
 *
 * @param predictions  float[..., n].
 * @param targets  float of a shape that broadcasts.
 * @returns float[...].
 * @throws ERR_DTYPE unless both are real floating point.
 * @see optax.cosine_similarity.
 */
export function cosineSimilarity(predictions: Tensor, targets: Tensor, options: CosineOptions = {}): Tensor {
  return similarity(predictions, targets, options, 'optim.cosineSimilarity');
}

/**
 * 1 less the cosine of the angle between vectors.
 *
 * @throws as `cosineSimilarity`.
 * @see optax.cosine_distance.
 */
export function cosineDistance(predictions: Tensor, targets: Tensor, options: CosineOptions = {}): Tensor {
  return similarity(predictions, targets, options, 'optim.cosineDistance').rsub(1);
}

function similarity(predictions: Tensor, targets: Tensor, options: CosineOptions, op: string): Tensor {
  const { axis, where } = reductionOf(options, op, ['epsilon']);
  requireFloats('predictions', predictions, op);
  requireFloats('targets', targets, op);
  requireBroadcast('predictions and targets', predictions, targets, op);
  if (options.epsilon !== undefined) requireNumeric('epsilon', options.epsilon, op);
  const unit = (x: Tensor): Tensor =>
    x.div(
      sumOver(x.square(), axis, where, op, true)
        .clampMin(options.epsilon ?? 0)
        .sqrt(),
    );
  return sumOver(unit(predictions).mul(unit(targets)), axis, where, op);
}
