import { isArrayLike } from '../filter';
import { leaves } from '../tree';

interface Transformed {
  readonly transform: string;
  readonly inner: unknown;
}

const made = new WeakMap<object, Transformed>();

/** Keeps what a raw transform (`jit`, `grad`) was given, which the function that it returned hides from trees. */
export function markRawTransform<F extends object>(fn: F, transform: string, inner: unknown): F {
  made.set(fn, { transform, inner });
  return fn;
}

/** The raw transform that made a function around arrays: the leaves of a module, perhaps under further transforms. */
export function rawTransformOfArrays(fn: object): string | undefined {
  const found = made.get(fn);
  if (found === undefined) return undefined;
  const hides = (leaf: unknown): boolean =>
    isArrayLike(leaf) || (typeof leaf === 'function' && rawTransformOfArrays(leaf) !== undefined);
  return leaves(found.inner).some(hides) ? found.transform : undefined;
}
