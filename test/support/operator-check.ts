import { native } from '../../lib/native';
import { tidy } from '../../lib/tensor/tidy';
import { answer, type Answer } from './operator-answer';
import { compositions } from './operator-compositions';
import { differenceFrom, forms, isStrided, tensorsIn, type Sample } from './operator-samples';
import { forward, jit, mapped, slope } from './operator-transforms';

/** The questions that are asked of a sample. */
export const questions = ['eager', 'jit', 'vmap', 'grad'] as const;
/** Those about forward mode and transforms of transforms. */
export const furtherQuestions = [
  'jvp',
  'jit of vmap',
  'vmap of jit',
  'jit of grad',
  'grad of jit',
  'vmap of grad',
] as const;
export type Question = (typeof questions)[number] | (typeof furtherQuestions)[number];

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

/** Asks a question of a sample; undefined where it does not apply. */
export function ask(question: Question, sample: Sample): Answer | undefined {
  const { vmap: functorch, slope: expected, random, rough } = sample.facts;
  const tensors = tensorsIn(sample.args);
  const isPlain = tensors.length > 0 && tensors.every(isStrided) && random !== 1;
  switch (question) {
    case 'eager':
      return answer(() => eager(sample));
    case 'jit':
      return answer(() => jit(sample));
    case 'vmap':
      return tensors.length === 0 || functorch === 'none' ? undefined : answer(() => mapped(sample));
    case 'grad':
      return expected === undefined ? undefined : answer(() => slope(sample));
    case 'jvp':
      return isPlain && typeof expected === 'number' && rough !== 1
        ? answer(() => forward(sample))
        : undefined;
    case 'jit of vmap':
    case 'vmap of jit':
      return isPlain ? answer(() => compositions[question](sample)) : undefined;
    default:
      return isPlain && typeof expected === 'number'
        ? answer(() => compositions[question](sample))
        : undefined;
  }
}
