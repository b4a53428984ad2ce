import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, type Callable } from '../module';
import { cat, narrow } from '../ops';
import { Tensor } from '../tensor/tensor';
import { tidy } from '../tensor/tidy';
import { describeValue } from '../transform/describe';
import { vmap } from '../transform/vmap';
import * as tree from '../tree';
import { scanNamed } from './scan';

export interface MapOptions {
  /** How many elements to compute at once, by `vmap`. Default 1. */
  readonly batchSize?: number | undefined;
}

/**
 * Applies a function to each slice of tensors along their first axis, one after the other: as `vmap`, but with the
 * memory of one element, or of a batch.
 *
 * @param f  takes a tree of slices; a function or a module.
 * @param xs  a tree of tensors `[length, ...]`.
 * @returns the results, stacked along a new first axis.
 * @throws ERR_ARGUMENT if `batchSize` is no integer of at least 1, or there is no tensor; else as `scan` does.
 * @example
 * map((row: Tensor) => row.softmax(0), rows, { batchSize: 64 });
 * @see jax.lax.map.
 */
export function map<X, Y>(f: Callable<[x: X], Y>, xs: X, options: MapOptions = {}): Y {
  requireOptions(options, ['batchSize'], 'map');
  const { batchSize = 1 } = options;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new ArgumentError(
      `map: expected \`batchSize\` to be an integer of at least 1, got ${describeValue(batchSize)}.`,
      { op: 'map' },
    );
  }
  if (batchSize === 1) return tidy(() => along(f, xs)) as Y;
  return tidy(() => {
    const first = tree.leaves(xs).find((leaf) => leaf instanceof Tensor);
    const length = first?.shape[0] ?? 0;
    const whole = length - (length % batchSize);
    const all = vmap(f as Callable<[X]>);
    const batches: unknown = tree.map((leaf: unknown) => {
      if (!(leaf instanceof Tensor) || leaf.shape[0] !== length) return leaf;
      return narrow(leaf, 0, 0, whole).reshape([whole / batchSize, batchSize, ...leaf.shape.slice(1)]);
    }, xs as unknown);
    const mapped = tree.map(
      (leaf: Tensor) => leaf.reshape([whole, ...leaf.shape.slice(2)]),
      along(all, batches),
    );
    if (whole === length) return mapped;
    const tail: unknown = tree.map((leaf: Tensor) => narrow(leaf, 0, whole, length - whole), xs as unknown);
    const rest = all(tail as X);
    return tree.map((one: Tensor, other: Tensor) => cat([one, other]), mapped, rest);
  }) as Y;
}

function along(f: Callable, xs: unknown): unknown {
  const step = (_: null, x: unknown): [null, unknown] => [null, call(f as Callable<unknown[]>, x)];
  return scanNamed('map', step, null, xs, {})[1];
}
