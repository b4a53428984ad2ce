import { ArgumentError, ShapeError } from '../../base/errors';
import { requireOptions } from '../../base/options';
import type { Tensor } from '../../tensor/tensor';
import {
  axesOf,
  requireAxes,
  requireBroadcast,
  requireFloats,
  requireNumeric,
  requireReal,
  requireSameShape,
} from './arguments';

export interface DiceOptions {
  /** The weight of each class: float[classes]; 1 unless given. */
  readonly classWeights?: Tensor | undefined;
  /** Added to numerator and denominator; 1 unless given. */
  readonly smooth?: number | undefined;
  /** The weight of what is found wrongly; 0.5 unless given. */
  readonly alpha?: number | undefined;
  /** The weight of what is missed; 0.5 unless given. */
  readonly beta?: number | undefined;
  /** Whether predictions are logits and not probabilities; true unless given. */
  readonly applySoftmax?: boolean | undefined;
  /** What becomes of the losses of the classes: their 'mean' unless given, their 'sum', or 'none'. */
  readonly reduction?: 'mean' | 'sum' | 'none' | undefined;
  /** Whether the first class is left out; false unless given. */
  readonly ignoreBackground?: boolean | undefined;
  /** The axes over which to add up; all between the first and the last unless given. */
  readonly axis?: number | readonly number[] | undefined;
}

const diceOptions = [
  'classWeights',
  'smooth',
  'alpha',
  'beta',
  'applySoftmax',
  'reduction',
  'ignoreBackground',
  'axis',
];

/**
 * 1 less the Dice coefficient (with other weights: the Tversky index) of predictions and targets.
 *
 * @param predictions  float[batch, ..., classes]: logits; with one class, its axis may be missing.
 * @param targets  A tensor of that shape: the probability of each class.
 * @returns float[batch], or float[batch, classes] without a reduction.
 * @throws ERR_SHAPE if the shapes differ; ERR_ARGUMENT for another reduction.
 * @see optax.losses.dice_loss.
 */
export function diceLoss(predictions: Tensor, targets: Tensor, options: DiceOptions = {}): Tensor {
  requireOptions(options, diceOptions, 'optim.diceLoss');
  return dice(predictions, targets, options, 'optim.diceLoss');
}

function dice(logits: Tensor, labels: Tensor, options: DiceOptions, op: string): Tensor {
  requireFloats('predictions', logits, op);
  requireReal('targets', labels, op);
  if (logits.ndim === 0) {
    throw new ShapeError(`${op}: expected predictions [batch, ..., classes], got the shape [].`, { op });
  }
  const { classWeights, smooth = 1, alpha = 0.5, beta = 0.5, applySoftmax = true } = options;
  const { ignoreBackground = false } = options;
  const reduction: string = options.reduction ?? 'mean';
  const predictions = logits.ndim === labels.ndim - 1 ? logits.unsqueeze(-1) : logits;
  const targets = labels.ndim === predictions.ndim - 1 ? labels.unsqueeze(-1) : labels;
  requireSameShape('predictions and targets', predictions, targets, op);
  for (const [name, value] of Object.entries({ smooth, alpha, beta })) requireNumeric(name, value, op);
  if (!['mean', 'sum', 'none'].includes(reduction)) {
    throw new ArgumentError(
      `${op}: expected the reduction 'mean', 'sum' or 'none', got ${JSON.stringify(reduction)}.`,
      { op },
    );
  }
  const classes = predictions.shape.at(-1)!;
  const probabilities = !applySoftmax
    ? predictions
    : classes === 1
      ? predictions.sigmoid()
      : predictions.softmax(-1);
  const axes =
    options.axis === undefined
      ? predictions.shape.map((_size, i) => i).slice(1, -1)
      : axesOf(options.axis, predictions.ndim, op);
  const sum = (x: Tensor): Tensor => (axes.length === 0 ? x : x.sum(axes));
  const shared = sum(probabilities.mul(targets));
  const found = sum(probabilities).sub(shared);
  const missed = sum(targets).sub(shared);
  const denominator = shared.add(found, { alpha }).add(missed, { alpha: beta }).add(smooth);
  let losses = shared.add(smooth).div(denominator).rsub(1);
  if (classWeights !== undefined) {
    requireReal('classWeights', classWeights, op);
    requireAxes('classWeights', classWeights, 1, op);
    requireBroadcast('losses and classWeights', losses, classWeights, op);
    losses = losses.mul(classWeights);
  }
  if (ignoreBackground && classes > 1) losses = losses.narrow(-1, 1, classes - 1);
  if (reduction === 'none') return losses;
  return reduction === 'mean' ? losses.mean([-1]) : losses.sum(-1);
}

/**
 * The Dice loss of classes that count the more, the rarer they are.
 *
 * @param options  `smooth`, `applySoftmax`, `ignoreBackground`, as for `diceLoss`.
 * @returns float[].
 * @throws ERR_SHAPE if the shapes differ.
 * @see optax.losses.multiclass_generalized_dice_loss; Sudre et al. 2017, arXiv:1707.03237.
 */
export function multiclassGeneralizedDiceLoss(
  predictions: Tensor,
  targets: Tensor,
  options: Pick<DiceOptions, 'smooth' | 'applySoftmax' | 'ignoreBackground'> = {},
): Tensor {
  const op = 'optim.multiclassGeneralizedDiceLoss';
  requireOptions(options, ['smooth', 'applySoftmax', 'ignoreBackground'], op);
  requireFloats('predictions', predictions, op);
  requireReal('targets', targets, op);
  requireSameShape('predictions and targets', predictions, targets, op);
  const frequencies = targets.sum(targets.shape.map((_size, i) => i).slice(0, -1));
  const weights = frequencies.square().add(1e-7).reciprocal();
  const classWeights = weights.div(weights.sum()).mul(weights.size);
  return dice(predictions, targets, { ...options, classWeights, reduction: 'none' }, op).mean();
}

/**
 * The Dice loss of one class.
 *
 * @param options  `smooth`: as for `diceLoss`; `applySigmoid`: whether predictions are logits, true unless given.
 * @returns float[batch].
 * @throws ERR_SHAPE if the shapes differ.
 * @see optax.losses.binary_dice_loss.
 */
export function binaryDiceLoss(
  predictions: Tensor,
  targets: Tensor,
  options: { readonly smooth?: number | undefined; readonly applySigmoid?: boolean | undefined } = {},
): Tensor {
  const op = 'optim.binaryDiceLoss';
  requireOptions(options, ['smooth', 'applySigmoid'], op);
  requireFloats('predictions', predictions, op);
  requireReal('targets', targets, op);
  const { smooth, applySigmoid } = options;
  const lacksClasses = predictions.ndim === targets.ndim && predictions.shape.at(-1) !== 1;
  const [x, y] = lacksClasses ? [predictions.unsqueeze(-1), targets.unsqueeze(-1)] : [predictions, targets];
  return dice(x, y, { smooth, applySoftmax: applySigmoid }, op);
}
