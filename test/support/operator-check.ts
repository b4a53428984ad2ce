import { EquinodeError } from '../../lib/base/errors';
import { native } from '../../lib/native';
import { Tensor } from '../../lib/tensor/tensor';
import { tidy } from '../../lib/tensor/tidy';
import { filterJit, grad, vmap } from '../../lib/transform';
import * as ops from '../../lib/ops';
import {
  asFunction,
  differenceBetween,
  differenceFrom,
  forms,
  isStrided,
  shrunk,
  tensorsIn,
  wavesLike,
  weighted,
  type Sample,
} from './operator-samples';

/** What came of one question about a sample: '' if all is well, else what is wrong or what the error said. */
export type Answer = string;

/** Whether an answer is an error of the library's own, and not a wrong result. */
function isRefusal(said: Answer): boolean {
  return said.startsWith('ERR_');
}

/** The questions that are asked of a sample. */
export const questions = ['eager', 'jit', 'vmap', 'grad'] as const;
export type Question = (typeof questions)[number];

/** Runs a question; an error of the library's own is an answer, and any other a failure of it. */
function answer(body: () => Answer): Answer {
  try {
    return tidy(body);
  } catch (error) {
    if (error instanceof EquinodeError) return `${error.code}: ${error.message.split('\n')[0]}`;
    return `not the library's own error: ${String(error)}`;
  }
}

/** Whether every form of the call gives what PyTorch gives. */
function eager(sample: Sample): Answer {
  for (const [form, run] of Object.entries(forms(sample))) {
    const difference = differenceFrom(sample.expected, run());
    if (difference !== '') return `${form}: ${difference}`;
  }
  return '';
}

/** Whether a form of the call reaches the overload that the sample is of, and not another of the name. */
export function isReached(sample: Sample): boolean {
  const addon = native() as { call: (id: number, ...args: unknown[]) => unknown };
  const original = addon.call;
  const reached = new Set<number>();
  addon.call = (id, ...args) => {
    reached.add(id);
    return original(id, ...args);
  };
  try {
    tidy(() => {
      for (const run of Object.values(forms(sample))) run();
    });
  } finally {
    addon.call = original;
  }
  return reached.has(sample.plan.nativeId());
}

/** Whether the compiled call gives what the call gives, also for other numbers than it was traced with. */
function jit(sample: Sample): Answer {
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
function othersOf({ facts }: Sample, tensors: readonly Tensor[]): Tensor[] {
  return tensors.map((one, i) => (facts.tied?.includes(i) === true || !isStrided(one) ? one : shrunk(one)));
}

const failed = Symbol('failed');

/** What a body gives, or `failed`: some operators refuse numbers that a sample was not made for. */
function otherwise(body: () => unknown): unknown {
  try {
    return body();
  } catch {
    return failed;
  }
}

/** Whether the call gives what a loop gives, mapped over all its tensors and over each alone. */
function mapped(sample: Sample): Answer {
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

const everyTensor = (leaf: unknown): number | null => (leaf instanceof Tensor ? 0 : null);

function picked(result: unknown, row: number): unknown {
  if (result instanceof Tensor) return result.select(0, row);
  return Array.isArray(result) ? result.map((one) => picked(one, row)) : result;
}

/** Whether the derivative along `wavesLike` is PyTorch's, and that of central differences where these converge. */
function slope(sample: Sample): Answer {
  const fn = asFunction(sample);
  const tensors = tensorsIn(sample.args);
  const moved =
    sample.facts.by ?? tensors.flatMap((one, i) => (one.dtype === 'float64' && isStrided(one) ? [i] : []));
  const inPlace = (values: readonly Tensor[]): Tensor[] =>
    tensors.map((one, i) => (moved.includes(i) ? values[moved.indexOf(i)]! : one));
  const loss = (...values: Tensor[]): Tensor => weighted(fn(...inPlace(values)));
  const starts = moved.map((i) => tensors[i]!);
  const directions = starts.map(wavesLike);
  const grads = grad(loss, { argnums: moved.map((_, i) => i) })(...starts) as Tensor[];
  const along = grads.reduce((sum, one, i) => sum + Number(one.mul(directions[i]!).sum()), 0);
  const size = grads.reduce((sum, one) => sum + Number(one.abs().sum()), 1);
  const expected = (sample.facts.slope ?? 0) as number;
  if (Math.abs(along - expected) > 1e-6 * size) return `slope ${along}, not ${expected}`;
  if (sample.facts.rough === 1 || sample.facts.slope === null) return '';
  const at = (step: number): number =>
    Number(loss(...starts.map((one, i) => one.add(directions[i]!.mul(step)))));
  const difference = (at(1e-5) - at(-1e-5)) / 2e-5;
  return Math.abs(along - difference) > 2e-5 * size ? `slope ${along}, differences ${difference}` : '';
}

/** Asks a question of a sample; undefined where it does not apply. */
export function ask(question: Question, sample: Sample): Answer | undefined {
  const { vmap: functorch, slope: expected } = sample.facts;
  const tensors = tensorsIn(sample.args);
  switch (question) {
    case 'eager':
      return answer(() => eager(sample));
    case 'jit':
      return answer(() => jit(sample));
    case 'vmap':
      return tensors.length === 0 || functorch === 'none' ? undefined : answer(() => mapped(sample));
    case 'grad':
      return expected === undefined ? undefined : answer(() => slope(sample));
  }
}
