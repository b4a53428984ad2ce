import * as tree from '../tree';
import { requireFlag } from './arguments';

/**
 * A copy of a model with every `inference` flag set: dropout off, and running statistics used instead of those of the
 * batch.
 *
 * @param model  Any tree; the fields named `inference` of the modules in it, at any depth, are the flags.
 * @param value  What the flags are set to; true unless given.
 * @throws ERR_ARGUMENT unless the value is a boolean.
 * @example
 * const tester = nn.inferenceMode(model);
 * const trainer = nn.inferenceMode(tester, false);
 * @see equinox.nn.inference_mode.
 */
export function inferenceMode<T>(model: T, value = true): T {
  requireFlag(value, 'value', 'nn.inferenceMode');
  return tree.mapWithPath<T, unknown>((path, leaf) => {
    const last = path.at(-1);
    return last?.kind === 'field' && last.name === 'inference' ? value : leaf;
  }, model);
}
