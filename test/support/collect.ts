import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memory } from '../../lib/tensor/memory';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/**
 * Counts the live tensors, after a collection: what earlier tests have dropped is not released in the middle of the
 * count then.
 */
export function liveTensors(): number {
  gc();
  return memory().tensors;
}
