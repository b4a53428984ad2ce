import { ArgumentError } from '../base/errors';
import { describe } from '../tree';

/** What `call` and the transforms take: a function, or a module with a method `forward`. */
export type Callable<A extends readonly unknown[] = never[], R = unknown> =
  ((...args: A) => R) | { forward(...args: A): R };

/**
 * Applies a function, or the `forward` of a module: for lists that hold both, such as a model's layers.
 *
 * @throws ERR_ARGUMENT if `f` is neither.
 * @example
 * for (const layer of this.layers) x = call(layer, x);
 * @see equinox.Module.__call__.
 */
export function call<A extends readonly unknown[], R>(f: Callable<A, R>, ...args: A): R {
  if (typeof f === 'function') return f(...args);
  if (hasForward(f)) return f.forward(...args);
  throw new ArgumentError(
    `call: expected a function or a module with a method \`forward\`, got ${describe(f)}. Write \`forward\`, or pass another method.`,
    { op: 'call' },
  );
}

/** Whether `call` can apply a value. */
export function isCallable(f: unknown): f is Callable {
  return typeof f === 'function' || hasForward(f);
}

function hasForward(f: unknown): boolean {
  return typeof (f as { readonly forward?: unknown } | null | undefined)?.forward === 'function';
}
