import { ModuleError } from '../base/errors';
import { describe } from '../tree';
import { isFinished, finish } from './finish';
import { setWrappedName } from './kind';
import { Module } from './module';

/**
 * Makes a wrapper look like what it wraps: the copy that it returns has the wrapped function's `name` and prints as
 * it, also after it was taken apart and built again.
 *
 * @param wrapper  A module that wraps a function or another module.
 * @param wrapped  What it wraps; its own `wrapped` (a field or getter) unless given.
 * @throws ERR_MODULE if there is nothing that it wraps.
 * @see equinox.module_update_wrapper.
 */
export function moduleUpdateWrapper<M extends Module>(wrapper: M, wrapped?: unknown): M {
  const inner = wrapped ?? (wrapper as { readonly wrapped?: unknown }).wrapped;
  const name = nameOf(inner);
  if (name === undefined) {
    throw new ModuleError(
      `moduleUpdateWrapper: expected a module with a property \`wrapped\`, got ${describe(wrapper)}. ` +
        'Define `get wrapped()`, or pass the function as the second argument.',
      { op: 'moduleUpdateWrapper' },
    );
  }
  if (!isFinished(wrapper)) finish(wrapper);
  const copy = Object.create(Object.getPrototypeOf(wrapper) as object) as M;
  for (const [key, value] of Object.entries(wrapper)) {
    Object.defineProperty(copy, key, { value: value as unknown, enumerable: true });
  }
  setWrappedName(copy, name);
  return Object.freeze(copy);
}

function nameOf(inner: unknown): string | undefined {
  if (typeof inner === 'function') return inner.name;
  if (!(inner instanceof Module)) return undefined;
  const { name } = inner as { readonly name?: unknown };
  return typeof name === 'string' ? name : inner.constructor.name;
}
