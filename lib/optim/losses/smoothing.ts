import type { Tensor } from '../../tensor/tensor';
import { filterVmap } from '../../transform';
import { requireFunction } from '../base';
import {
  axesOf,
  like,
  reductionOf,
  requireBroadcast,
  requireFloats,
  requireNumeric,
  requireReal,
  type ReductionOptions,
} from './arguments';

/**
 * Moves the probabilities of labels towards equal ones.
 *
 * @param labels  float[..., n].
 * @param alpha  How far, from 0 to 1.
 * @returns A tensor of the shape of the labels.
 * @throws ERR_DTYPE unless the labels are real floating point.
 * @see optax.smooth_labels; Mueller et al. 2019, arXiv:1906.02629.
 */
export function smoothLabels(labels: Tensor, alpha: number, options: ReductionOptions = {}): Tensor {
  const op = 'optim.smoothLabels';
  const { axis, where } = reductionOf(options, op);
  requireFloats('labels', labels, op);
  requireNumeric('alpha', alpha, op);
  const axes = axesOf(axis, labels.ndim, op);
  const kept = labels.mul(1 - alpha);
  if (where === undefined) {
    return kept.add(alpha / axes.reduce((product, one) => product * labels.shape[one]!, 1));
  }
  return kept.add(like(where.sum(axes, true), labels).reciprocal(), { alpha });
}

/** A convex function of scores, float[n], to float[]. */
export type MaxFunction = (scores: Tensor) => Tensor;

/**
 * Makes the Fenchel-Young loss of a function: its value less the scores of the targets, along the last axis.
 *
 * @param maxFun  The function, such as the logarithm of the sum of exponentials.
 * @returns A function of scores and targets, float[..., n], to float[...].
 * @example
 * const loss = optim.makeFenchelYoungLoss((scores) => scores.logsumexp(-1));
 * @see optax.losses.make_fenchel_young_loss; Blondel et al. 2020, arXiv:1901.02324.
 */
export function makeFenchelYoungLoss(maxFun: MaxFunction): (scores: Tensor, targets: Tensor) => Tensor {
  const op = 'optim.makeFenchelYoungLoss';
  requireFunction('maxFun', maxFun, op);
  return (scores, targets) => {
    requireFloats('scores', scores, op);
    requireReal('targets', targets, op);
    requireBroadcast('scores and targets', scores, targets, op);
    let values = maxFun;
    for (let axis = 0; axis < scores.ndim - 1; axis++) values = filterVmap(values);
    return values(scores).sub(targets.mul(scores).sum(-1));
  };
}
