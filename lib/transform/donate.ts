import { warnOnce } from '../base/warn';
import { native } from '../native';
import { handleOf, Tensor } from '../tensor/tensor';
import { flatten } from '../tree';
import { describeValue } from './describe';
import type { Program } from './program';

/** Which arguments are released after a call: for the old model and optimiser state of a training step. */
export type Donate = 'none' | 'all' | 'all-except-first' | 'warn' | 'warn-except-first';

export const donations: readonly Donate[] = ['none', 'all', 'all-except-first', 'warn', 'warn-except-first'];

/** The tensors that a call gives away. */
function donated(args: readonly unknown[], donate: Donate): readonly Tensor[] {
  if (donate === 'none') return [];
  const given = donate.endsWith('except-first') ? args.slice(1) : args;
  return flatten(given)[0].filter((leaf) => leaf instanceof Tensor);
}

export function releaseDonated(args: readonly unknown[], donate: Donate): void {
  for (const tensor of donated(args, donate)) tensor.dispose();
}

/** Warns of donated tensors that no result of a fresh program looks like, where `donate` says so. */
export function warnUnusable(name: string, donate: Donate, args: readonly unknown[], program: Program): void {
  if (!donate.startsWith('warn')) return;
  const results = [...program.looks];
  const unusable = donated(args, donate).filter((tensor) => {
    const found = results.indexOf(native().signature([handleOf(tensor, name)]));
    if (found >= 0) results.splice(found, 1);
    return found < 0;
  });
  if (unusable.length === 0) return;
  const shown = unusable.map(describeValue).join(', ');
  warnOnce(
    `${name}: donate ${shown}`,
    `${name}: some donated tensors were not usable: ${shown}. No result has their shape and dtype; they were released all the same.`,
  );
}
