import { TransformError } from '../base/errors';
import { leaves } from '../tree';
import { closeScope, openScope } from './lifetime';
import { Tensor } from './tensor';

/** The tensors among a tree's leaves. */
export function tensorsIn(value: unknown): Set<Tensor> {
  const tensors = new Set<Tensor>();
  if (value instanceof Tensor) tensors.add(value);
  else for (const leaf of leaves(value)) if (leaf instanceof Tensor) tensors.add(leaf);
  return tensors;
}

/** @throws ERR_TRANSFORM if a user's function returned a promise: its layers and scopes end when it returns. */
export function refusePromise(value: unknown, op: string): void {
  if (value instanceof Promise) {
    value.catch(() => undefined);
    throw new TransformError(
      `${op}: expected a function that returns its result, got one that returns a Promise. Await before or after it.`,
      { op },
    );
  }
}

/**
 * Runs a function and releases every tensor that was made in it and is not in what it returns.
 *
 * @returns what the function returns; tensors in it stay alive.
 * @throws ERR_TRANSFORM if the function returns a Promise; and whatever the function throws.
 * @example
 * const norm = tidy(() => x.square().sum().sqrt());
 * @see tf.tidy of TensorFlow.js. Difference: any tree may be returned, modules too.
 */
export function tidy<T>(fn: () => T): T {
  const scope = openScope('it was made inside `tidy`, which has ended; return it from there');
  let kept = new Set<Tensor>();
  try {
    const result = fn();
    refusePromise(result, 'tidy');
    kept = tensorsIn(result);
    return result;
  } finally {
    closeScope(scope, kept);
  }
}
