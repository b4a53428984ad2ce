import { grad, filterJit, jvp, vmap } from '../../lib/transform';
import * as ops from '../../lib/ops';
import { Tensor } from '../../lib/tensor/tensor';
import { answer, failed, isRefusal, otherwise, type Answer } from './operator-answer';
import {
  asFunction,
  differenceBetween,
  isStrided,
  shrunk,
  tensorsIn,
  wavesLike,
  weighted,
  type Sample,
} from './operator-samples';

/** Whether the compiled call gives what the call gives, also for other numbers than it was traced with. */
export function jit(sample: Sample): Answer {
  const fn = asFunction(sample);
  const compiled = filterJit(fn);
  const tensors = tensorsIn(sample.args);
  for (const [name, given] of [['same', tensors] as const, ['other', othersOf(sample, tensors)] as const]) {
    const expected = name === 'same' ? fn(...given) : otherwise(() => fn(...given));
    if (expected === failed) continue;
    const difference = differenceBetween(compiled(...given), expected, sample);
    if (difference !== '') return `${name} numbers: ${difference}`;
  }
  return '';
}

/** Other numbers for the tensors of a sample: a tenth smaller, where they may change. */
export function othersOf({ facts }: Sample, tensors: readonly Tensor[]): Tensor[] {
  return tensors.map((one, i) => (facts.tied?.includes(i) === true || !isStrided(one) ? one : shrunk(one)));
}

/** Whether the call gives what a loop gives, mapped over all its tensors and over each alone. */
export function mapped(sample: Sample): Answer {
  const tensors = tensorsIn(sample.args);
  const all = tensors.map(() => true);
  const alone = tensors.length > 1 ? tensors.map((_, i) => tensors.map((_, k) => k === i)) : [];
  let refusal = '';
  for (const isMapped of [all, ...alone]) {
    const said = answer(() => mappedOver(sample, tensors, isMapped));
    if (said !== '' && !isRefusal(said)) return said;
    refusal ||= said;
  }
  return refusal;
}

function mappedOver(sample: Sample, tensors: readonly Tensor[], isMapped: readonly boolean[]): Answer {
  const fn = asFunction(sample);
  const others = othersOf(sample, tensors).map((one, i) => (isMapped[i] === true ? one : tensors[i]!));
  const given = tensors.map((one, i) => (isMapped[i] === true ? ops.stack([one, others[i]!]) : one));
  const inAxes = isMapped.map((is) => (is ? 0 : null));
  const rows = [tensors, others].map((row) => otherwise(() => fn(...row)));
  const result = vmap((...row: Tensor[]) => fn(...row), { inAxes, outAxes: everyTensor })(...given);
  if (rows.includes(failed)) return '';
  for (const [i, row] of rows.entries()) {
    const difference = differenceBetween(picked(result, i), row, sample);
    if (difference !== '') return `over ${String(inAxes)}: row ${i}: ${difference}`;
  }
  return '';
}

/** The out-axes of a mapped call. */
export const everyTensor = (leaf: unknown): number | null => (leaf instanceof Tensor ? 0 : null);

/** A row of what a mapped call gave. */
export function picked(result: unknown, row: number): unknown {
  if (result instanceof Tensor) return result.select(0, row);
  return Array.isArray(result) ? result.map((one) => picked(one, row)) : result;
}

/** A sample as a function to one number of the tensors that derivatives are taken by. */
export interface Loss {
  readonly at: (...values: Tensor[]) => Tensor;
  readonly starts: readonly Tensor[];
  /** The same for all tensors of the sample, with the positions of those in `starts`. */
  readonly ofAll: (...tensors: Tensor[]) => Tensor;
  readonly positions: readonly number[];
}

export function lossOf(sample: Sample): Loss {
  const fn = asFunction(sample);
  const tensors = tensorsIn(sample.args);
  const isMoved = (one: Tensor): boolean => one.dtype === 'float64' && isStrided(one);
  const positions = sample.facts.by ?? tensors.flatMap((one, i) => (isMoved(one) ? [i] : []));
  const ofAll = (...given: Tensor[]): Tensor => weighted(fn(...given));
  return {
    at: (...values) => ofAll(...tensors.map((one, i) => values[positions.indexOf(i)] ?? one)),
    starts: positions.map((i) => tensors[i]!),
    ofAll,
    positions,
  };
}

/** The sum of the sizes of all numbers, and 1: what errors are relative to. */
function sizeOf(grads: readonly Tensor[]): number {
  return grads.reduce((sum, one) => sum + Number(one.abs().sum()), 1);
}

export function gradients({ at, starts }: Loss): Tensor[] {
  return grad(at, { argnums: starts.map((_, i) => i) })(...starts) as Tensor[];
}

/** Whether the derivative along `wavesLike` is PyTorch's, and that of central differences where these converge. */
export function slope(sample: Sample): Answer {
  const loss = lossOf(sample);
  const directions = loss.starts.map(wavesLike);
  const grads = gradients(loss);
  const along = grads.reduce((sum, one, i) => sum + Number(one.mul(directions[i]!).sum()), 0);
  const size = sizeOf(grads);
  const expected = (sample.facts.slope ?? 0) as number;
  if (Math.abs(along - expected) > 1e-6 * size) return `slope ${along}, not ${expected}`;
  if (sample.facts.rough === 1 || sample.facts.slope === null) return '';
  const at = (step: number): number =>
    Number(loss.at(...loss.starts.map((one, i) => one.add(directions[i]!.mul(step)))));
  const difference = (at(1e-5) - at(-1e-5)) / 2e-5;
  return Math.abs(along - difference) > 2e-5 * size ? `slope ${along}, differences ${difference}` : '';
}

/** Whether the derivative along `wavesLike` in forward mode is that in reverse mode. */
export function forward(sample: Sample): Answer {
  const loss = lossOf(sample);
  const [, tangent] = jvp(loss.at, [...loss.starts], loss.starts.map(wavesLike));
  const along = Number(tangent);
  const expected = sample.facts.slope as number;
  return Math.abs(along - expected) > 1e-6 * sizeOf(gradients(loss)) ? `slope ${along}, not ${expected}` : '';
}
