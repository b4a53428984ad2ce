import { ShapeError } from '../../base/errors';
import { requireOptions } from '../../base/options';
import { detach, eye } from '../../ops';
import type { Tensor } from '../../tensor/tensor';
import {
  axesOf,
  positivePart,
  requireBroadcast,
  requireFloats,
  requireNumeric,
  requireReal,
} from './arguments';
import { cosineSimilarity } from './regression';

/** The distance of 1 to the next larger number. */
const epsilons: Readonly<Record<string, number>> = {
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
  float32: 2 ** -23,
  float64: 2 ** -52,
};

/**
 * The normalised temperature-scaled cross entropy of embeddings: those of one label should be near each other.
 *
 * @param embeddings  float[batch, n].
 * @param labels  int[batch].
 * @param options  `temperature`: 0.07 unless given.
 * @returns float[].
 * @throws ERR_DTYPE unless the embeddings are real floating point; ERR_SHAPE unless there is a label for each.
 * @see optax.losses.ntxent; Chen et al. 2020, arXiv:2002.05709.
 */
export function ntxent(
  embeddings: Tensor,
  labels: Tensor,
  options: { readonly temperature?: number | undefined } = {},
): Tensor {
  const op = 'optim.ntxent';
  requireOptions(options, ['temperature'], op);
  requireFloats('embeddings', embeddings, op);
  requireReal('labels', labels, op);
  if (options.temperature !== undefined) requireNumeric('temperature', options.temperature, op);
  if (embeddings.ndim !== 2 || labels.ndim !== 1 || labels.shape[0] !== embeddings.shape[0]) {
    throw new ShapeError(
      `${op}: expected embeddings [batch, n] and labels [batch], got [${embeddings.shape.join()}] and [${labels.shape.join()}].`,
      { op },
    );
  }
  const { temperature = 0.07 } = options;
  const scores = cosineSimilarity(embeddings.unsqueeze(0), embeddings.unsqueeze(1), {
    epsilon: epsilons[embeddings.dtype] ?? 0,
  }).div(temperature);
  const isSame = labels.unsqueeze(1).eq(labels.unsqueeze(0));
  const isSelf = eye(labels.shape[0]!, { dtype: 'bool', device: labels.device });
  const isMatch = isSame.logicalAnd(isSelf.logicalNot());
  const others = scores.maskedFill(isSame, -Infinity);
  const matches = scores.maskedFill(isMatch.logicalNot(), -Infinity);
  const most = detach(others.maximum(matches).amax([1], true));
  const shifted = matches.sub(most);
  const total = others.sub(most).exp().sum(1, true).add(shifted.exp());
  // What is no match must not make a gradient of NaN either.
  const logProbs = shifted.maskedFill(isMatch.logicalNot(), 0).sub(total.log());
  return logProbs.maskedFill(isMatch.logicalNot(), 0).sum().div(isMatch.sum()).neg();
}

export interface TripletOptions {
  /** The axis of the elements of an embedding; the last one unless given. */
  readonly axis?: number | undefined;
  /** The exponent of the norm; 2 unless given. */
  readonly normDegree?: number | undefined;
  /** How much further away the negatives should be; 1 unless given. */
  readonly margin?: number | undefined;
  /** Added inside of the root; 1e-6 unless given. */
  readonly eps?: number | undefined;
}

/**
 * How much less than a margin the negatives are further away from the anchors than the positives.
 *
 * @param anchors  float[..., n].
 * @param positives  float of that shape.
 * @param negatives  float of that shape.
 * @returns float[...].
 * @throws ERR_DTYPE unless all are real floating point.
 * @see optax.losses.triplet_margin_loss.
 */
export function tripletMarginLoss(
  anchors: Tensor,
  positives: Tensor,
  negatives: Tensor,
  options: TripletOptions = {},
): Tensor {
  const op = 'optim.tripletMarginLoss';
  requireOptions(options, ['axis', 'normDegree', 'margin', 'eps'], op);
  const { axis = -1, normDegree = 2, margin = 1, eps = 1e-6 } = options;
  requireFloats('anchors', anchors, op);
  requireFloats('positives', positives, op);
  requireFloats('negatives', negatives, op);
  requireBroadcast('anchors and positives', anchors, positives, op);
  requireBroadcast('anchors and negatives', anchors, negatives, op);
  for (const [name, value] of Object.entries({ normDegree, margin, eps })) requireNumeric(name, value, op);
  axesOf(axis, anchors.ndim, op);
  const distance = (other: Tensor): Tensor =>
    anchors
      .sub(other)
      .pow(normDegree)
      .sum(axis)
      .add(eps)
      .pow(1 / normDegree);
  return positivePart(distance(positives).sub(distance(negatives)).add(margin));
}
