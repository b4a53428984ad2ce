import { ArgumentError, ShapeError } from '../../base/errors';
import { requireOptions } from '../../base/options';
import { logSigmoid, logaddexp, oneHot, to } from '../../ops';
import type { Tensor } from '../../tensor/tensor';
import { projectionSimplex } from '../projections';
import {
  axesOf,
  like,
  logSoftmaxOver,
  logSumExpOver,
  positivePart,
  reductionOf,
  requireBroadcast,
  requireFloats,
  requireIntegers,
  requireNumeric,
  requireReal,
  requireSameShape,
  sumOver,
  withLabels,
  type ReductionOptions,
} from './arguments';

/**
 * The cross entropy of independent classes, of which any number may hold.
 *
 * @param logits  float[...].
 * @param labels  The probability that each holds, or whether it does; a shape that broadcasts.
 * @returns float[...], for each element.
 * @throws ERR_DTYPE unless the logits are real floating point.
 * @see optax.sigmoid_binary_cross_entropy.
 */
export function sigmoidBinaryCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const op = 'optim.sigmoidBinaryCrossEntropy';
  requireFloats('logits', logits, op);
  requireReal('labels', labels, op);
  requireBroadcast('logits and labels', logits, labels, op);
  return binaryCrossEntropy(logits, like(labels, logits));
}

function binaryCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const positive = labels.neg().mul(logSigmoid(logits));
  return positive.sub(labels.rsub(1).mul(logSigmoid(logits.neg())));
}

export interface FocalOptions {
  /** The weight of what holds, 1 less that of what does not; no weights unless given. */
  readonly alpha?: number | null | undefined;
  /** How much what is classified well counts less; 2 unless given. */
  readonly gamma?: number | undefined;
}

/**
 * The binary cross entropy, less of it where the classification is already good.
 *
 * @throws ERR_DTYPE unless the logits are real floating point.
 * @see optax.sigmoid_focal_loss; Lin et al. 2017, arXiv:1708.02002.
 */
export function sigmoidFocalLoss(logits: Tensor, labels: Tensor, options: FocalOptions = {}): Tensor {
  const op = 'optim.sigmoidFocalLoss';
  requireOptions(options, ['alpha', 'gamma'], op);
  requireFloats('logits', logits, op);
  requireReal('labels', labels, op);
  requireBroadcast('logits and labels', logits, labels, op);
  const { alpha, gamma = 2 } = options;
  requireNumeric('gamma', gamma, op);
  if (alpha !== undefined && alpha !== null) requireNumeric('alpha', alpha, op);
  const target = like(labels, logits);
  // The logarithm of the probability of being wrong.
  const wrong = logaddexp(
    logSigmoid(logits).add(target.rsub(1).log()),
    logSigmoid(logits.neg()).add(target.log()),
  );
  const loss = binaryCrossEntropy(logits, target).mul(wrong.mul(gamma).exp());
  if (alpha === undefined || alpha === null) return loss;
  return target
    .mul(alpha)
    .add(target.rsub(1), { alpha: 1 - alpha })
    .mul(loss);
}

/**
 * max(0, 1 - output · target).
 *
 * @param targets  -1 or 1.
 * @see optax.hinge_loss.
 */
export function hingeLoss(predictorOutputs: Tensor, targets: Tensor): Tensor {
  const op = 'optim.hingeLoss';
  requireReal('predictorOutputs', predictorOutputs, op);
  requireReal('targets', targets, op);
  requireBroadcast('predictorOutputs and targets', predictorOutputs, targets, op);
  return positivePart(predictorOutputs.mul(targets).rsub(1));
}

/**
 * max(0, -output · target).
 *
 * @param targets  -1 or 1.
 * @throws ERR_SHAPE if the shapes differ.
 * @see optax.perceptron_loss.
 */
export function perceptronLoss(predictorOutputs: Tensor, targets: Tensor): Tensor {
  const op = 'optim.perceptronLoss';
  requireReal('predictorOutputs', predictorOutputs, op);
  requireReal('targets', targets, op);
  requireSameShape('outputs and targets', predictorOutputs, targets, op);
  return positivePart(predictorOutputs.mul(targets).neg());
}

/**
 * The binary sparsemax loss: 0 from where a class is certain, linear where it is wrong, and squared in between.
 *
 * @param labels  Whether each holds: 0 or 1.
 * @see optax.sparsemax_loss; Martins and Astudillo 2016, arXiv:1602.02068.
 */
export function sparsemaxLoss(logits: Tensor, labels: Tensor): Tensor {
  const op = 'optim.sparsemaxLoss';
  requireFloats('logits', logits, op);
  requireReal('labels', labels, op);
  requireBroadcast('logits and labels', logits, labels, op);
  const x = labels.ne(0).where(logits.neg(), logits);
  const squared = x.add(1).square().div(4);
  return x.ge(1).where(x, squared.maskedFill(x.le(-1), 0));
}

/**
 * The cross entropy of classes of which one holds, from the probabilities of labels.
 *
 * @param logits  float[..., n].
 * @param labels  The probability of each class; a shape that broadcasts.
 * @returns float[...].
 * @throws ERR_DTYPE unless the logits are real floating point; ERR_ARGUMENT for an axis that is not there.
 * @see optax.softmax_cross_entropy.
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor, options: ReductionOptions = {}): Tensor {
  const op = 'optim.softmaxCrossEntropy';
  const { axis, where } = reductionOf(options, op);
  requireFloats('logits', logits, op);
  requireReal('labels', labels, op);
  requireBroadcast('logits and labels', logits, labels, op);
  const counted = expanded(where, logits, axis, op);
  const logProbs = logSoftmaxOver(logits, axis, counted, op);
  return sumOver(labels.mul(logProbs), axis, counted, op).neg();
}

/** A mask with the axes that are added up, where it lacks them. */
function expanded(
  where: Tensor | undefined,
  logits: Tensor,
  axis: number | readonly number[] | null,
  op: string,
) {
  if (where === undefined || where.ndim === logits.ndim) return where;
  return axesOf(axis, logits.ndim, op)
    .sort((a, b) => a - b)
    .reduce((mask, one) => mask.unsqueeze(one), where);
}

/**
 * As `softmaxCrossEntropy`, also where a label is 0 and its logit minus infinity: such a class counts as nothing.
 *
 * @throws ERR_DTYPE unless the logits are real floating point.
 * @see optax.safe_softmax_cross_entropy.
 */
export function safeSoftmaxCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  const op = 'optim.safeSoftmaxCrossEntropy';
  requireFloats('logits', logits, op);
  requireAtLeastOneAxis('logits', logits, op);
  requireReal('labels', labels, op);
  requireBroadcast('logits and labels', logits, labels, op);
  const isNothing = labels.eq(0);
  // The logit of what counts as nothing must not make a gradient of NaN either.
  const logProbs = logits.sub(logits.logsumexp([-1], true)).maskedFill(isNothing, 0);
  return labels.mul(logProbs).sum(-1).neg();
}

/**
 * The cross entropy of classes of which one holds, from its index.
 *
 * @param logits  float[..., n].
 * @param labels  int[...], from 0 to n - 1.
 * @param options  `axis`: the axis of the classes, or several that count as one; `where`: which classes count.
 * @returns float[...].
 * @throws ERR_DTYPE unless the logits are real floating point and the labels integers; ERR_ARGUMENT for an axis that
 *   is not there; ERR_SHAPE unless the labels have the shape of the logits without the classes.
 * @see optax.softmax_cross_entropy_with_integer_labels.
 */
export function softmaxCrossEntropyWithIntegerLabels(
  logits: Tensor,
  labels: Tensor,
  options: ReductionOptions = {},
): Tensor {
  const op = 'optim.softmaxCrossEntropyWithIntegerLabels';
  const { axis, where } = reductionOf(options, op);
  requireFloats('logits', logits, op);
  requireIntegers('labels', labels, op);
  if (axis === null) {
    throw new ArgumentError(`${op}: expected an axis or several, got null.`, { op });
  }
  const axes = axesOf(axis, logits.ndim, op);
  const mask = expanded(where, logits, axis, op);
  const last = (x: Tensor): Tensor => classesLast(x, axes);
  const scores = last(logits);
  const counted = mask === undefined ? undefined : last(mask.expand(logits.shape));
  const batch = scores.shape.slice(0, -1);
  if (labels.ndim !== batch.length || !batch.every((size, i) => size === labels.shape[i])) {
    throw new ShapeError(
      `${op}: expected labels of the shape [${batch.join()}], that of the logits without the classes, got [${labels.shape.join()}].`,
      { op },
    );
  }
  const own = withLabels(scores.shape.at(-1)!, op, () =>
    scores.gather(-1, to(labels, 'int64').unsqueeze(-1)).squeeze(-1),
  );
  const loss = logSumExpOver(scores, -1, counted, op).sub(own);
  return counted === undefined ? loss : loss.maskedFill(counted.any(-1).logicalNot(), 0);
}

/** The axes of the classes as one, behind the others. */
function classesLast(x: Tensor, axes: readonly number[]): Tensor {
  const [only] = axes;
  if (axes.length === 1) return only === x.ndim - 1 ? x : x.movedim(only!, -1);
  const batch = x.shape.map((_size, i) => i).filter((i) => !axes.includes(i));
  return x.permute([...batch, ...axes]).reshape([...batch.map((i) => x.shape[i]!), -1]);
}

/**
 * The largest margin by which a wrong class beats the right one less 1.
 *
 * @param scores  float[..., n].
 * @param labels  int[...], from 0 to n - 1.
 * @returns float[...].
 * @throws ERR_DTYPE unless the labels are integers.
 * @see optax.losses.multiclass_hinge_loss.
 */
export function multiclassHingeLoss(scores: Tensor, labels: Tensor): Tensor {
  const target = encoded(labels, scores, 'optim.multiclassHingeLoss');
  return scores.add(1).sub(target).amax([-1]).sub(scores.mul(target).sum(-1));
}

/**
 * The margin by which the best class beats the right one.
 *
 * @throws as `multiclassHingeLoss`.
 * @see optax.losses.multiclass_perceptron_loss.
 */
export function multiclassPerceptronLoss(scores: Tensor, labels: Tensor): Tensor {
  const target = encoded(labels, scores, 'optim.multiclassPerceptronLoss');
  return scores.amax([-1]).sub(scores.mul(target).sum(-1));
}

/**
 * The sparsemax loss: as the cross entropy, with probabilities that may be 0.
 *
 * @param scores  float[batch, n].
 * @param labels  int[batch], from 0 to n - 1.
 * @returns float[batch].
 * @throws as `multiclassHingeLoss`.
 * @see optax.losses.multiclass_sparsemax_loss; Martins and Astudillo 2016, arXiv:1602.02068.
 */
export function multiclassSparsemaxLoss(scores: Tensor, labels: Tensor): Tensor {
  const target = encoded(labels, scores, 'optim.multiclassSparsemaxLoss');
  const probabilities = projectionSimplex(scores);
  const relative = scores.sub(scores.mul(target).sum(-1, true));
  const norm = probabilities.square().sum(-1);
  return probabilities.mul(relative).sum(-1).add(norm.rsub(1), { alpha: 0.5 });
}

function requireAtLeastOneAxis(name: string, x: Tensor, op: string): void {
  if (x.ndim > 0) return;
  throw new ShapeError(`${op}: expected ${name} with an axis of classes, got the shape [].`, { op });
}

/** Labels as vectors of 0 and 1, in the dtype of the scores. */
function encoded(labels: Tensor, scores: Tensor, op: string): Tensor {
  requireFloats('scores', scores, op);
  requireAtLeastOneAxis('scores', scores, op);
  requireIntegers('labels', labels, op);
  const batch = scores.shape.slice(0, -1);
  if (labels.ndim !== batch.length || !batch.every((size, i) => size === labels.shape[i])) {
    throw new ShapeError(
      `${op}: expected labels of the shape [${batch.join()}], that of the scores without the classes, got [${labels.shape.join()}].`,
      { op },
    );
  }
  if (scores.shape.at(-1) === 0) {
    throw new ShapeError(`${op}: expected scores of at least one class, got [${scores.shape.join()}].`, {
      op,
    });
  }
  const classes = scores.shape.at(-1)!;
  return like(
    withLabels(classes, op, () => oneHot(to(labels, 'int64'), classes)),
    scores,
  );
}

export interface PolyOptions extends ReductionOptions {
  /** The factor of the additional term; 2 unless given. */
  readonly epsilon?: number | undefined;
}

/**
 * The cross entropy, and a multiple of the probability of being wrong.
 *
 * @param labels  float: the probability of each class.
 * @throws ERR_DTYPE unless logits and labels are real floating point.
 * @see optax.losses.poly_loss_cross_entropy; Leng et al. 2022, arXiv:2204.12511.
 */
export function polyLossCrossEntropy(logits: Tensor, labels: Tensor, options: PolyOptions = {}): Tensor {
  const op = 'optim.polyLossCrossEntropy';
  const { axis, where } = reductionOf(options, op, ['epsilon']);
  requireFloats('logits', logits, op);
  requireFloats('labels', labels, op);
  requireBroadcast('logits and labels', logits, labels, op);
  if (options.epsilon !== undefined) requireNumeric('epsilon', options.epsilon, op);
  const logProbs = logSoftmaxOver(logits, axis, where, op);
  const wrong = sumOver(labels.mul(logProbs.exp().rsub(1)), axis, where, op);
  return sumOver(labels.mul(logProbs), axis, where, op)
    .neg()
    .add(wrong, { alpha: options.epsilon ?? 2 });
}

/**
 * The Kullback-Leibler divergence of probabilities from predictions.
 *
 * @param logPredictions  float[..., n]: the logarithms of the predicted probabilities.
 * @param targets  float of a shape that broadcasts: the probabilities.
 * @returns float[...].
 * @throws ERR_DTYPE unless both are real floating point; ERR_ARGUMENT for an axis that is not there.
 * @see optax.kl_divergence.
 */
export function klDivergence(
  logPredictions: Tensor,
  targets: Tensor,
  options: ReductionOptions = {},
): Tensor {
  return divergence(logPredictions, targets, options, 'optim.klDivergence');
}

function divergence(logPredictions: Tensor, targets: Tensor, options: ReductionOptions, op: string): Tensor {
  const { axis, where } = reductionOf(options, op);
  requireFloats('logPredictions', logPredictions, op);
  requireFloats('targets', targets, op);
  requireBroadcast('logPredictions and targets', logPredictions, targets, op);
  const isZero = targets.eq(0);
  // The logarithm of 0 must not make a gradient of NaN either.
  const logTargets = targets.maskedFill(isZero, 1).log();
  return sumOver(targets.mul(logTargets.sub(logPredictions)), axis, where, op);
}

/**
 * The Kullback-Leibler divergence, from the logarithms of the probabilities.
 *
 * @throws as `klDivergence`.
 * @see optax.losses.kl_divergence_with_log_targets.
 */
export function klDivergenceWithLogTargets(
  logPredictions: Tensor,
  logTargets: Tensor,
  options: ReductionOptions = {},
): Tensor {
  const op = 'optim.klDivergenceWithLogTargets';
  const { axis, where } = reductionOf(options, op);
  requireFloats('logPredictions', logPredictions, op);
  requireFloats('logTargets', logTargets, op);
  requireBroadcast('logPredictions and logTargets', logPredictions, logTargets, op);
  return sumOver(logTargets.exp().mul(logTargets.sub(logPredictions)), axis, where, op);
}

/**
 * The Kullback-Leibler divergence of what need not add up to 1.
 *
 * @throws as `klDivergence`.
 * @see optax.losses.generalized_kl_divergence, once called convex_kl_divergence.
 */
export function generalizedKlDivergence(
  logPredictions: Tensor,
  targets: Tensor,
  options: ReductionOptions = {},
): Tensor {
  const op = 'optim.generalizedKlDivergence';
  const { axis, where } = reductionOf(options, op);
  return divergence(logPredictions, targets, options, op).add(
    sumOver(logPredictions.exp().sub(targets), axis, where, op),
  );
}
