import { TransformError } from '../base/errors';
import { call, type Callable } from '../module';
import { native } from '../native';
import * as ops from '../ops';
import { adopt, retainedNow } from '../tensor/lifetime';
import { handleOf, Tensor } from '../tensor/tensor';
import { refusePromise, tensorsIn } from '../tensor/tidy';
import { flatten, flattenWithPath, isPlainObject, keystr, unflatten } from '../tree';
import { describeValue } from './describe';
import { directionsOf, isDifferentiable, looksOf } from './direction';
import { withLevel } from './levels';
import { requireLive } from './live';
import { pairOf } from './pair';

/** The function that takes cotangents back to the arguments. */
export type PullBack<A extends readonly unknown[]> = (cotangents: unknown) => A;

interface Pulled {
  readonly output: unknown;
  readonly pull: PullBack<unknown[]>;
  readonly aux: unknown;
}

interface Place {
  readonly shape: readonly number[];
  readonly dtype: Tensor['dtype'];
  readonly device: string;
}

function zerosOf({ shape, dtype, device }: Place): Tensor {
  return ops.zeros(shape, { dtype, device });
}

/** Calls `fn` inside a Grad layer, and keeps what its gradients need as long as the returned function lives. */
export function pullBackOf(name: string, fn: Callable, primals: readonly unknown[], hasAux: boolean): Pulled {
  const [leaves, structure] = flatten(primals);
  requireLive(name, leaves);
  return withLevel(
    name,
    () => native().pushGrad(),
    (level) => {
      const inside = leaves.map((leaf) =>
        isDifferentiable(leaf) ? adopt(native().wrapGrad(handleOf(leaf, name), level)) : leaf,
      );
      const result: unknown = call(fn as Callable<unknown[]>, ...(unflatten(structure, inside) as unknown[]));
      refusePromise(result, name);
      const [output, aux] = hasAux
        ? pairOf(name, 'a function that returns [value, aux] because of `hasAux`', result)
        : [result, undefined];
      const unwrap = (leaf: unknown): unknown => {
        if (!(leaf instanceof Tensor)) return leaf;
        const handle = native().unwrapGrad(handleOf(leaf, name), level);
        return handle === 0 ? leaf : adopt(handle);
      };
      const [outLeaves, outStructure] = flatten(output);
      const [auxLeaves, auxStructure] = flatten(aux);
      const plain = outLeaves.map(unwrap);
      const looks = looksOf(plain);
      const roots = outLeaves.filter((leaf) => leaf instanceof Tensor);
      const sources = leaves.map((leaf, i) => (isDifferentiable(leaf) ? (inside[i] as Tensor) : null));
      const places = leaves.map((leaf): Place | null =>
        isDifferentiable(leaf) ? { shape: leaf.shape, dtype: leaf.dtype, device: leaf.device } : null,
      );
      const pull = (cotangents: unknown): unknown[] => {
        requireLive(name, flatten(cotangents)[0]);
        const found = directionsOf(name, 'cotangents', outStructure, looks, cotangents);
        const atRoots = found.filter((_one, i) => outLeaves[i] instanceof Tensor);
        const gradients = native().pullBack(
          roots.map((root) => handleOf(root, name)),
          atRoots.map((one) => (one === null ? 0 : handleOf(one, name))),
          sources.filter((source) => source !== null).map((source) => handleOf(source, name)),
          level,
          true,
        );
        let next = 0;
        return unflatten(
          structure,
          places.map((look) => {
            if (look === null) return null;
            const handle = gradients[next++] ?? 0;
            return handle === 0 ? zerosOf(look) : adopt(handle);
          }),
        ) as unknown[];
      };
      const pulled: Pulled = {
        output: unflatten(outStructure, plain),
        pull,
        aux: unflatten(auxStructure, auxLeaves.map(unwrap)),
      };
      // What rules of custom derivatives have captured is used again when cotangents are pulled back.
      return [pulled, tensorsIn([pulled.output, pulled.aux, roots, sources, ...retainedNow()])];
    },
  );
}

export interface VjpOptions {
  /** Whether the function returns `[value, aux]`, of which only the value is differentiated. */
  readonly hasAux?: boolean | undefined;
}

/** The primals, and the options if the last argument is such. */
function split(given: readonly unknown[]): [primals: readonly unknown[], hasAux: boolean] {
  const last = given.at(-1);
  const isOptions =
    isPlainObject(last) && Object.keys(last).join() === 'hasAux' && typeof last['hasAux'] === 'boolean';
  return isOptions ? [given.slice(0, -1), last['hasAux'] === true] : [given, false];
}

/**
 * A function's value, and the function that takes cotangents of it back to its arguments: reverse mode.
 *
 * @param fn  a function or module of tensors (trees of them).
 * @param primals  its arguments, floating-point or complex tensors; after them `{ hasAux: true }` if it returns
 *   `[value, aux]`.
 * @returns `[value, pull]`, or `[value, pull, aux]`. `pull(cotangents)` takes a tree as the value, with null for zero
 *   and for what is no inexact tensor, and returns an array with a gradient for each argument. It may be called any
 *   number of times, as long as the transform or `tidy` in which it was made has not ended.
 * @throws ERR_TRANSFORM if a primal is no inexact tensor; when `pull` is called, if the cotangents do not fit the value.
 * @example
 * const [y, pull] = vjp((x: Tensor) => x.sin(), x);
 * const [dx] = pull(onesLike(y));
 * @see jax.vjp.
 */
export function vjp<A extends unknown[], R>(fn: Callable<A, R>, ...primals: A): [value: R, pull: PullBack<A>];
export function vjp<A extends unknown[], R, X>(
  fn: Callable<A, readonly [R, X]>,
  ...given: [...A, { readonly hasAux: true }]
): [value: R, pull: PullBack<A>, aux: X];
export function vjp(fn: Callable, ...given: unknown[]): unknown {
  const name = 'vjp';
  const [primals, hasAux] = split(given);
  requireLive(name, flatten(primals)[0]);
  for (const [path, leaf] of flattenWithPath(primals)[0]) {
    if (isDifferentiable(leaf)) continue;
    throw new TransformError(
      `${name}: expected floating-point tensors to differentiate by, got ${describeValue(leaf)} at ${keystr(path)}. Use filterVjp to leave such leaves out.`,
      { op: name },
    );
  }
  const { output, pull, aux } = pullBackOf(name, fn, primals, hasAux);
  return hasAux ? [output, pull, aux] : [output, pull];
}

/**
 * As `vjp`, for any trees: gradients are with respect to every inexact tensor of the arguments, with null for the other
 * leaves.
 *
 * @throws as `vjp` does, except for other leaves; ERR_DISPOSED for a tensor that is gone.
 * @see equinox.filter_vjp.
 */
export function filterVjp<A extends unknown[], R>(
  fn: Callable<A, R>,
  ...primals: A
): [value: R, pull: PullBack<A>];
export function filterVjp<A extends unknown[], R, X>(
  fn: Callable<A, readonly [R, X]>,
  ...given: [...A, { readonly hasAux: true }]
): [value: R, pull: PullBack<A>, aux: X];
export function filterVjp(fn: Callable, ...given: unknown[]): unknown {
  const [primals, hasAux] = split(given);
  const { output, pull, aux } = pullBackOf('filterVjp', fn, primals, hasAux);
  return hasAux ? [output, pull, aux] : [output, pull];
}
