import { ShapeError } from '../../base/errors';
import { requireOptions } from '../../base/options';
import { cat, full, logaddexp, oneHot, stack, to, zeros } from '../../ops';
import type { Tensor } from '../../tensor/tensor';
import { like, requireAxes, requireFloats, requireIntegers, requireSameShape } from './arguments';

export interface CtcOptions {
  /** The class that stands for no label; 0 unless given. */
  readonly blankId?: number | undefined;
  /** What stands for the logarithm of 0; -1e5 unless given. */
  readonly logEpsilon?: number | undefined;
}

/**
 * The connectionist temporal classification loss: minus the logarithm of the probability of all alignments of labels
 * with a longer sequence.
 *
 * A compiled function holds the loop over the sequence unrolled.
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
  requireIntegers('labels', labels, op);
  requireAxes('logits', logits, 3, op);
  requireAxes('labels', labels, 2, op);
  requireSameShape('labels and labelPaddings', labels, labelPaddings, op);
  requireSameShape('logits (without classes) and logitPaddings', logits.select(2, 0), logitPaddings, op);
  const [batch, time] = logits.shape as [number, number];
  const [labelBatch, n] = labels.shape as [number, number];
  if (labelBatch !== batch) {
    throw new ShapeError(`${op}: expected labels for ${batch} sequences, got ${labelBatch}.`, { op });
  }

  const indices = to(labels, 'int64');
  const logProbs = logits.logSoftmax(-1).movedim(1, 0);
  const ofBlank = logProbs.narrow(2, blankId, 1);
  const ofLabels = logProbs.gather(2, indices.unsqueeze(0).expand([time, batch, n]));
  const repeats = like(
    indices.narrow(1, 0, Math.max(n - 1, 0)).eq(indices.narrow(1, Math.min(1, n), Math.max(n - 1, 0))),
    logits,
  );
  const repeat = n === 0 ? repeats : repeats.constantPadNd([0, 1]);
  const paddings = like(logitPaddings, logits).t();
  const { dtype, device } = logits;
  const start = zeros([batch, 1], { dtype, device });
  let blanks = cat([start, full([batch, n], logEpsilon, { dtype, device })], 1);
  let emitted = full([batch, n], logEpsilon, { dtype, device });
  const allBlanks: Tensor[] = [];
  const allEmitted: Tensor[] = [];
  for (let i = 0; i < time; i++) {
    const blank = ofBlank.select(0, i);
    const label = ofLabels.select(0, i);
    const pad = paddings.select(0, i).unsqueeze(1);
    const before = advanced(blanks, emitted.add(repeat, { alpha: logEpsilon }));
    const nextEmitted = logaddexp(before.narrow(1, 0, n).add(label), emitted.add(label));
    const stay = emitted.add(blank).add(repeat.rsub(1), { alpha: logEpsilon });
    const nextBlanks = advanced(before.add(blank), stay);
    const keep = pad.rsub(1);
    emitted = pad.mul(emitted).add(keep.mul(nextEmitted));
    blanks = pad.mul(blanks).add(keep.mul(nextBlanks));
    allBlanks.push(blanks);
    allEmitted.push(emitted);
  }
  const last = advanced(blanks, emitted);
  if (time > 0) allBlanks[time - 1] = last;
  const lengths = labelPaddings.sum(1).rsub(n);
  const chosen = like(oneHot(to(lengths, 'int64'), n + 1), logits);
  const none = (size: number): Tensor => zeros([0, batch, size], { dtype, device });
  return [
    last.mul(chosen).sum(1).neg(),
    time > 0 ? stack(allBlanks) : none(n + 1),
    time > 0 ? stack(allEmitted) : none(n),
  ];
}

/** The places after each label, with what is added to those before it. */
function advanced(places: Tensor, added: Tensor): Tensor {
  const [, size] = places.shape as [number, number];
  return cat([places.narrow(1, 0, 1), logaddexp(places.narrow(1, 1, size - 1), added)], 1);
}
