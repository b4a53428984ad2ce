import { ArgumentError, ShapeError } from '../../base/errors';
import { requireOptions } from '../../base/options';
import { scan } from '../../control';
import { cat, full, oneHot, to, where, zeros } from '../../ops';
import type { Tensor } from '../../tensor/tensor';
import {
  like,
  requireAxes,
  requireFloats,
  requireIntegers,
  requireNumeric,
  requireReal,
  requireSameShape,
  withLabels,
} from './arguments';

export interface CtcOptions {
  /** The class that stands for no label; 0 unless given. */
  readonly blankId?: number | undefined;
  /** What stands for the logarithm of 0; -1e5 unless given. */
  readonly logEpsilon?: number | undefined;
}

const largestHalf = 65504;

/**
 * The connectionist temporal classification loss: minus the logarithm of the probability of all alignments of labels
 * with a longer sequence.
 *
 * A compiled function holds one loop over the sequence, of the same size for every length.
 *
 * @param logits  float[batch, time, classes].
 * @param logitPaddings  float[batch, time]: 1 where the sequence has ended, else 0.
 * @param labels  int[batch, n].
 * @param labelPaddings  float[batch, n], likewise.
 * @returns float[batch].
 * @throws ERR_DTYPE unless the logits are real floating point and the labels integers; ERR_SHAPE if shapes do not fit.
 * @see optax.ctc_loss; Graves et al. 2006.
 */
export function ctcLoss(
  logits: Tensor,
  logitPaddings: Tensor,
  labels: Tensor,
  labelPaddings: Tensor,
  options: CtcOptions = {},
): Tensor {
  return forward('optim.ctcLoss', logits, logitPaddings, labels, labelPaddings, options)[0];
}

/**
 * As `ctcLoss`, with the logarithms of the probabilities of having come to each place after each step.
 *
 * @returns The losses, float[batch]; those of blanks, float[time, batch, n + 1]; of labels, float[time, batch, n].
 * @throws as `ctcLoss`.
 * @see optax.ctc_loss_with_forward_probs.
 */
export function ctcLossWithForwardProbs(
  logits: Tensor,
  logitPaddings: Tensor,
  labels: Tensor,
  labelPaddings: Tensor,
  options: CtcOptions = {},
): readonly [loss: Tensor, blanks: Tensor, labels: Tensor] {
  return forward('optim.ctcLossWithForwardProbs', logits, logitPaddings, labels, labelPaddings, options);
}

function forward(
  op: string,
  logits: Tensor,
  logitPaddings: Tensor,
  labels: Tensor,
  labelPaddings: Tensor,
  options: CtcOptions,
): readonly [Tensor, Tensor, Tensor] {
  requireOptions(options, ['blankId', 'logEpsilon'], op);
  const { blankId = 0, logEpsilon = -1e5 } = options;
  requireFloats('logits', logits, op);
  requireReal('logitPaddings', logitPaddings, op);
  requireIntegers('labels', labels, op);
  requireReal('labelPaddings', labelPaddings, op);
  requireNumeric('logEpsilon', logEpsilon, op);
  if (logits.dtype === 'float16' && logEpsilon < -largestHalf) {
    throw new ArgumentError(
      `${op}: expected a logEpsilon that float16 holds, got ${logEpsilon}. Pass { logEpsilon: -1e4 }, or logits of float32.`,
      { op },
    );
  }
  requireAxes('logits', logits, 3, op);
  requireAxes('labels', labels, 2, op);
  requireSameShape('labels and labelPaddings', labels, labelPaddings, op);
  requireSameShape('logits (without classes) and logitPaddings', logits.sum(2), logitPaddings, op);
  const [batch, time] = logits.shape as [number, number];
  const [labelBatch, n] = labels.shape as [number, number];
  if (labelBatch !== batch) {
    throw new ShapeError(`${op}: expected labels for ${batch} sequences, got ${labelBatch}.`, { op });
  }

  const classes = logits.shape[2]!;
  if (!Number.isInteger(blankId) || blankId < 0 || blankId >= classes) {
    throw new ArgumentError(
      `${op}: expected blankId to be a class from 0 to ${classes - 1}, got ${String(blankId)}.`,
      { op },
    );
  }

  const indices = to(labels, 'int64');
  const logProbs = logits.logSoftmax(-1).movedim(1, 0);
  const ofBlank = logProbs.narrow(2, blankId, 1);
  const ofLabels = withLabels(classes, op, () =>
    logProbs.gather(2, indices.unsqueeze(0).expand([time, batch, n])),
  );
  const repeats = like(
    indices.narrow(1, 0, Math.max(n - 1, 0)).eq(indices.narrow(1, Math.min(1, n), Math.max(n - 1, 0))),
    logits,
  );
  const repeat = n === 0 ? repeats : repeats.constantPadNd([0, 1]);
  const paddings = like(logitPaddings, logits).t();
  const { dtype, device } = logits;
  const start = zeros([batch, 1], { dtype, device });
  const first = {
    blanks: cat([start, full([batch, n], logEpsilon, { dtype, device })], 1),
    emitted: full([batch, n], logEpsilon, { dtype, device }),
  };
  type Step = typeof first;
  const step = ({ blanks, emitted }: Step, [blank, label, pad]: readonly [Tensor, Tensor, Tensor]) => {
    const before = advanced(blanks, emitted.add(repeat, { alpha: logEpsilon }));
    const nextEmitted = logAddExp(before.narrow(1, 0, n).add(label), emitted.add(label));
    const stay = emitted.add(blank).add(repeat.rsub(1), { alpha: logEpsilon });
    const nextBlanks = advanced(before.add(blank), stay);
    const keep = pad.rsub(1);
    const next = {
      blanks: pad.mul(blanks).add(keep.mul(nextBlanks)),
      emitted: pad.mul(emitted).add(keep.mul(nextEmitted)),
    };
    return [next, next] as const;
  };
  const each = [ofBlank, ofLabels, paddings.unsqueeze(2)] as const;
  const [end, all] = scan<Step, typeof each, Step>(step, first, each);
  const last = advanced(end.blanks, end.emitted);
  const lengths = labelPaddings.sum(1).rsub(n);
  const chosen = like(oneHot(to(lengths, 'int64'), n + 1), logits);
  const before = all.blanks.narrow(0, 0, Math.max(time - 1, 0));
  return [last.mul(chosen).sum(1).neg(), time > 0 ? cat([before, last.unsqueeze(0)]) : before, all.emitted];
}

/** log(exp(a) + exp(b)). libtorch's own has a second derivative of NaN where a and b lie far from each other. */
function logAddExp(a: Tensor, b: Tensor): Tensor {
  const isFirst = a.ge(b);
  const larger = where(isFirst, a, b);
  return larger.add(where(isFirst, b, a).sub(larger).exp().log1p());
}

/** The places after each label, with what is added to those before it. */
function advanced(places: Tensor, added: Tensor): Tensor {
  const [, size] = places.shape as [number, number];
  return cat([places.narrow(1, 0, 1), logAddExp(places.narrow(1, 1, size - 1), added)], 1);
}
