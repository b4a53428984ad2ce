import { ArgumentError, ShapeError } from '../../base/errors';
import { requireOptions } from '../../base/options';
import { where as choose } from '../../ops';
import type { Tensor } from '../../tensor/tensor';
import {
  like,
  requireBools,
  requireBroadcast,
  requireFloats,
  requireReal,
  requireSameShape,
} from './arguments';

export interface RankingOptions {
  /** Which items count: bool of the logits' shape; all unless given. */
  readonly where?: Tensor | undefined;
  /** The weight of each item; 1 unless given. */
  readonly weights?: Tensor | undefined;
  /** What becomes of the losses of the lists: their 'mean' unless given, their 'sum', or 'none' for the list of them. */
  readonly reduction?: 'mean' | 'sum' | 'none' | undefined;
}

/**
 * The cross entropy of items of a list, from their relevance.
 *
 * @param logits  float[..., items]: their scores.
 * @param labels  A tensor of that shape: their relevance.
 * @returns float[], or float[...] without a reduction.
 * @throws ERR_DTYPE unless the logits are real floating point.
 * @see optax.losses.ranking_softmax_loss, whose `reduce_fn` is `reduction` here.
 */
export function rankingSoftmaxLoss(logits: Tensor, labels: Tensor, options: RankingOptions = {}): Tensor {
  const op = 'optim.rankingSoftmaxLoss';
  requireOptions(options, ['where', 'weights', 'reduction'], op);
  requireFloats('logits', logits, op);
  requireReal('labels', labels, op);
  const { where, weights, reduction = 'mean' } = options;
  requireSameShape('logits and labels', logits, labels, op);
  if (logits.ndim === 0) {
    throw new ShapeError(`${op}: expected logits [..., items], got the shape [].`, { op });
  }
  if (where !== undefined) {
    requireBools('where', where, op);
    requireSameShape('logits and where', logits, where, op);
  }
  if (weights !== undefined) {
    requireReal('weights', weights, op);
    requireBroadcast('logits and weights', logits, weights, op);
  }
  if (!['mean', 'sum', 'none'].includes(reduction)) {
    throw new ArgumentError(
      `${op}: expected the reduction 'mean', 'sum' or 'none', got ${JSON.stringify(reduction)}.`,
      { op },
    );
  }
  const counted = where === undefined ? like(labels, logits) : choose(where, like(labels, logits), 0);
  const relevance = weights === undefined ? counted : counted.mul(weights);
  const scores = where === undefined ? logits : choose(where, logits, -Infinity);
  const terms = relevance.mul(scores.logSoftmax(-1));
  const losses = (where === undefined ? terms : choose(where, terms, 0)).sum(-1).neg();
  return reduced(losses, where?.any(-1), reduction);
}

/** Lists without an item that counts are no part of the mean; without any such list it is 0. */
function reduced(losses: Tensor, isList: Tensor | undefined, reduction: string): Tensor {
  const kept = isList === undefined ? losses : choose(isList, losses, 0);
  if (reduction === 'none') return kept;
  if (reduction === 'sum') return kept.sum();
  if (isList === undefined) return kept.mean();
  return kept.sum().div(like(isList.sum().clampMin(1), losses));
}
