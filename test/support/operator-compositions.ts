import { filterJit, grad, vmap } from '../../lib/transform';
import * as ops from '../../lib/ops';
import type { Tensor } from '../../lib/tensor/tensor';
import { failed, otherwise, type Answer } from './operator-answer';
import { asFunction, differenceBetween, tensorsIn, type Sample } from './operator-samples';
import { everyTensor, gradients, lossOf, othersOf, picked } from './operator-transforms';

/** Transforms of transforms, each against what the outer one stands for; undefined where a single one refuses. */
export const compositions = {
  /** For two sets of numbers, of which the second is not traced. */
  'jit of vmap': (sample: Sample): Answer | undefined => {
    const fn = asFunction(sample);
    const tensors = tensorsIn(sample.args);
    if (!compiles(fn, tensors)) return undefined;
    const others = othersOf(sample, tensors);
    const loop = vmap((...row: Tensor[]) => fn(...row), { outAxes: everyTensor });
    return againstEager(loop, [stacked(tensors, others), stacked(others, tensors)], sample);
  },

  'vmap of jit': (sample: Sample): Answer | undefined => {
    const fn = asFunction(sample);
    const tensors = tensorsIn(sample.args);
    if (!compiles(fn, tensors)) return undefined;
    const rows = stacked(tensors, othersOf(sample, tensors));
    const expected = otherwise(() =>
      vmap((...row: Tensor[]) => fn(...row), { outAxes: everyTensor })(...rows),
    );
    if (expected === failed) return undefined;
    return differenceBetween(vmap(filterJit(fn), { outAxes: everyTensor })(...rows), expected, sample);
  },

  'jit of grad': (sample: Sample): Answer | undefined => {
    const tensors = tensorsIn(sample.args);
    const { ofAll, positions } = lossOf(sample);
    if (!compiles(ofAll, tensors)) return undefined;
    const derivative = grad(ofAll, { argnums: positions });
    return againstEager((...given) => derivative(...given), [tensors, othersOf(sample, tensors)], exactly);
  },

  'grad of jit': (sample: Sample): Answer | undefined => {
    const tensors = tensorsIn(sample.args);
    const { ofAll, positions } = lossOf(sample);
    if (!compiles(ofAll, tensors)) return undefined;
    const expected = otherwise(() => grad(ofAll, { argnums: positions })(...tensors));
    if (expected === failed) return undefined;
    return differenceBetween(grad(filterJit(ofAll), { argnums: positions })(...tensors), expected, exactly);
  },

  'vmap of grad': (sample: Sample): Answer | undefined => {
    const loss = lossOf(sample);
    const others = othersOf(sample, tensorsIn(sample.args));
    const second = loss.positions.map((i) => others[i]!);
    const rows = [loss.starts, second].map((starts) => otherwise(() => gradients({ ...loss, starts })));
    const mapped = otherwise(() => vmap(loss.at)(...stacked(loss.starts, second)));
    if (rows.includes(failed) || mapped === failed) return undefined;
    const derivative = vmap((...starts: Tensor[]) => gradients({ ...loss, starts }), {
      outAxes: everyTensor,
    });
    const result = derivative(...stacked(loss.starts, second));
    for (const [i, row] of rows.entries()) {
      const difference = differenceBetween(picked(result, i), row, exactly);
      if (difference !== '') return `row ${i}: ${difference}`;
    }
    return '';
  },
} satisfies Record<string, (sample: Sample) => Answer | undefined>;

/** Gradients have numbers where results may have none. */
const exactly = { facts: {} };

function stacked(first: readonly Tensor[], second: readonly Tensor[]): Tensor[] {
  return first.map((one, i) => ops.stack([one, second[i]!]));
}

function compiles(fn: (...given: Tensor[]) => unknown, tensors: readonly Tensor[]): boolean {
  return otherwise(() => filterJit(fn)(...tensors)) !== failed;
}

/** Whether a function gives, compiled for the first arguments, what it gives for all of them. */
function againstEager(
  fn: (...given: Tensor[]) => unknown,
  calls: readonly (readonly Tensor[])[],
  sample: Pick<Sample, 'facts'>,
): Answer | undefined {
  const expected = calls.map((given) => otherwise(() => fn(...given)));
  if (expected[0] === failed) return undefined;
  const compiled = filterJit(fn);
  for (const [i, given] of calls.entries()) {
    if (expected[i] === failed) continue;
    const difference = differenceBetween(compiled(...given), expected[i], sample);
    if (difference !== '') return `call ${i}: ${difference}`;
  }
  return '';
}
