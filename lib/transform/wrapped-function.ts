import { call, isCallable, type Callable } from '../module';
import { register } from '../tree';

const parts = Symbol('equinode.wrapped');

interface Parts {
  readonly inner: unknown;
  readonly make: (inner: never, options: never) => unknown;
  readonly options: object;
}

/**
 * The class of the functions that filtered transforms return. As in Equinox they are nodes of trees: what they wrap is
 * their child and the options are static. So the tensors of a wrapped model are seen by transforms outside, and two
 * wrappers of one function are the same to `jit`.
 */
abstract class WrappedFunction {
  declare readonly [parts]: Parts;
}

Object.setPrototypeOf(WrappedFunction.prototype, Function.prototype);

register(WrappedFunction, {
  flatten(wrapper) {
    const { inner, make, options } = wrapper[parts];
    return [[inner], [make, options]];
  },
  unflatten([inner], fixed) {
    const [make, options] = fixed as [(inner: never, options: never) => WrappedFunction, object];
    if (isCallable(inner)) return make(inner as never, options as never);
    // A filter or a map may have put anything in the function's place, null above all.
    const vacant = (): unknown => call(inner as Callable<[]>);
    return wrapFunction(vacant, inner as Callable, make as never, options) as never;
  },
  names: () => ['wrapped'],
});

/**
 * Makes a function that a filtered transform returns a node.
 *
 * @param inner  what it wraps.
 * @param make  the transform, which makes it again from another `inner` and the same options.
 */
export function wrapFunction<F extends (...args: never[]) => unknown>(
  fn: F,
  inner: Callable,
  make: (inner: never, options: never) => unknown,
  options: object,
): F {
  Object.setPrototypeOf(fn, WrappedFunction.prototype);
  Object.defineProperty(fn, parts, { value: { inner, make, options } });
  const name = (inner as { readonly name?: unknown } | null | undefined)?.name;
  if (typeof name === 'string') Object.defineProperty(fn, 'name', { value: name });
  return fn;
}

/** What a function wraps; undefined for one that no filtered transform has made. */
export function wrappedBy(fn: unknown): unknown {
  return typeof fn === 'function' ? (fn as { readonly [parts]?: Parts })[parts]?.inner : undefined;
}
