import { ArgumentError, TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, type Callable } from '../module';
import { native } from '../native';
import * as ops from '../ops';
import { tensor } from '../tensor/create';
import { adopt } from '../tensor/lifetime';
import { handleOf, Tensor } from '../tensor/tensor';
import { refusePromise, tensorsIn } from '../tensor/tidy';
import { flatten, flattenWithPath, keystr, unflatten } from '../tree';
import { describeValue } from './describe';
import { directionsOf, isDifferentiable, looksOf } from './direction';
import { withLevel } from './levels';
import { requireLive } from './live';
import { pairOf } from './pair';
import type { Maybe } from './rule';

interface Request {
  readonly name: string;
  readonly hasAux: boolean;
  /** Whether tangents that are zero are zeros instead of null. */
  readonly wantsZeros: boolean;
  /** Arguments after the primals, which are not differentiated. */
  readonly rest: readonly unknown[];
}

export interface Pushed {
  readonly output: unknown;
  readonly tangent: unknown;
  readonly aux: unknown;
}

/** Calls `fn` inside a Jvp layer, with a tangent (null for zero) for every leaf of the primals. */
export function pushForward(
  { name, hasAux, wantsZeros, rest }: Request,
  fn: Callable,
  primals: readonly unknown[],
  tangents: readonly Maybe[],
): Pushed {
  const [leaves, structure] = flatten(primals);
  // What is made inside the level belongs to it already.
  const values = leaves.map((leaf, i) => {
    const tangent = tangents[i] ?? null;
    return tangent === null || leaf instanceof Tensor
      ? leaf
      : tensor(leaf as number, { dtype: tangent.dtype });
  });
  return withLevel(
    name,
    () => native().pushJvp(),
    (level) => {
      const inside = values.map((primal, i) => {
        const tangent = tangents[i] ?? null;
        if (tangent === null || !(primal instanceof Tensor)) return primal;
        return adopt(native().makeDual(handleOf(primal, name), handleOf(tangent, name), level));
      });
      const result: unknown = call(
        fn as Callable<unknown[]>,
        ...(unflatten(structure, inside) as unknown[]),
        ...rest,
      );
      refusePromise(result, name);
      const [output, aux] = hasAux
        ? pairOf(name, 'a function that returns [value, aux] because of `hasAux`', result)
        : [result, undefined];
      const [outLeaves, outStructure] = flatten(output);
      const pairs = outLeaves.map((leaf) => unpack(name, leaf, level, wantsZeros));
      const [auxLeaves, auxStructure] = flatten(aux);
      const pushed: Pushed = {
        output: unflatten(
          outStructure,
          pairs.map(([primal]) => primal),
        ),
        tangent: unflatten(
          outStructure,
          pairs.map(([, tangent]) => tangent),
        ),
        aux: unflatten(
          auxStructure,
          auxLeaves.map((leaf) => unpack(name, leaf, level, false)[0]),
        ),
      };
      return [pushed, tensorsIn([pushed.output, pushed.tangent, pushed.aux])];
    },
  );
}

function unpack(name: string, leaf: unknown, level: number, wantsZeros: boolean): [unknown, Maybe] {
  if (!(leaf instanceof Tensor)) return [leaf, null];
  const [primalHandle, tangentHandle] = native().unpackDual(handleOf(leaf, name), level);
  const primal = adopt(primalHandle);
  if (tangentHandle !== 0) return [primal, adopt(tangentHandle)];
  return [primal, wantsZeros && isDifferentiable(primal) ? ops.zerosLike(primal) : null];
}

function requireLists(name: string, primals: unknown, tangents: unknown): void {
  if (Array.isArray(primals) && Array.isArray(tangents) && primals.length === tangents.length) return;
  throw new ArgumentError(
    `${name}: expected arrays of as many primals as tangents, got ${describeValue(primals)} and ${describeValue(tangents)}.`,
    { op: name },
  );
}

export interface JvpOptions {
  /** Whether the function returns `[value, aux]`, of which only the value is differentiated. */
  readonly hasAux?: boolean | undefined;
}

/**
 * A function's value and its directional derivative, in forward mode.
 *
 * @param fn  a function or module of tensors (trees of them).
 * @param primals  its arguments, floating-point or complex tensors.
 * @param tangents  the direction: for each argument a tree of tensors of the same shapes and dtypes; null stands for
 *   zero.
 * @returns `[value, tangent]`, or `[value, tangent, aux]` with `hasAux`. `tangent` has the structure of the value, and
 *   null where that is no floating-point tensor.
 * @throws ERR_ARGUMENT if there are more primals than tangents or fewer; ERR_TRANSFORM if a primal is no inexact tensor,
 *   or a tangent fits none.
 * @example
 * const [y, dy] = jvp((x: Tensor) => x.sin(), [x], [ones([])]);
 * @see jax.jvp.
 */
export function jvp<A extends unknown[], R>(
  fn: Callable<A, R>,
  primals: A,
  tangents: { readonly [K in keyof A]: unknown },
  options?: { readonly hasAux?: false | undefined },
): [value: R, tangent: R];
export function jvp<A extends unknown[], R, X>(
  fn: Callable<A, readonly [R, X]>,
  primals: A,
  tangents: { readonly [K in keyof A]: unknown },
  options: { readonly hasAux: true },
): [value: R, tangent: R, aux: X];
export function jvp<A extends unknown[], R, P extends readonly [...A, ...unknown[]]>(
  fn: Callable<A, R>,
  primals: P,
  tangents: { readonly [K in keyof P]: unknown },
  options?: { readonly hasAux?: false | undefined },
): [value: R, tangent: R];
export function jvp<A extends unknown[], R, X, P extends readonly [...A, ...unknown[]]>(
  fn: Callable<A, readonly [R, X]>,
  primals: P,
  tangents: { readonly [K in keyof P]: unknown },
  options: { readonly hasAux: true },
): [value: R, tangent: R, aux: X];
export function jvp(
  fn: Callable,
  primals: readonly unknown[],
  tangents: readonly unknown[],
  options: JvpOptions = {},
): unknown {
  const name = 'jvp';
  requireOptions(options, ['hasAux'], name);
  const { hasAux = false } = options;
  requireLists(name, primals, tangents);
  const [entries, structure] = flattenWithPath(primals);
  requireLive(name, flatten([primals, tangents])[0]);
  for (const [path, leaf] of entries) {
    if (isDifferentiable(leaf)) continue;
    throw new TransformError(
      `${name}: expected floating-point tensors to differentiate by, got ${describeValue(leaf)} at ${keystr(path)}. Use filterJvp to leave such leaves out.`,
      { op: name },
    );
  }
  const looks = looksOf(entries.map(([, leaf]) => leaf));
  const given = directionsOf(name, 'tangents', structure, looks, tangents);
  const { output, tangent, aux } = pushForward(
    { name, hasAux, wantsZeros: true, rest: [] },
    fn,
    primals,
    given,
  );
  return hasAux ? [output, tangent, aux] : [output, tangent];
}

/** The tangents of any leaves: those of numbers become tensors. */
function anyTangents(name: string, primals: readonly unknown[], tangents: readonly unknown[]): Maybe[] {
  const isLeaf = (value: unknown): boolean => value === null || value === undefined;
  const [entries, structure] = flattenWithPath(primals, { isLeaf });
  const [leaves, given] = flatten(tangents, { isLeaf });
  requireLive(name, flatten([primals, tangents])[0]);
  if (!given.equals(structure)) {
    throw new ArgumentError(
      `${name}: expected tangents with the structure of the primals, ${structure.toString()}, null standing for zero, got ${given.toString()}.`,
      { op: name },
    );
  }
  const all = entries.map(([path, leaf], i) => {
    const tangent = leaves[i];
    if (tangent === null || tangent === undefined) return null;
    const isFloat = isDifferentiable(leaf);
    if (typeof tangent === 'number' && typeof leaf === 'number') return tensor(tangent);
    if (typeof tangent === 'number' && isFloat && leaf.ndim === 0)
      return tensor(tangent, { dtype: leaf.dtype });
    const isNumbers = typeof leaf === 'number' && isDifferentiable(tangent) && tangent.ndim === 0;
    const fits =
      isFloat &&
      tangent instanceof Tensor &&
      tangent.dtype === leaf.dtype &&
      tangent.shape.join() === leaf.shape.join();
    if (fits || isNumbers) return tangent;
    throw new TransformError(
      `${name}: expected ${isFloat ? describeValue(leaf) : 'null'} as the tangent of ${describeValue(leaf)} at ${keystr(path)}, got ${describeValue(tangent)}.`,
      { op: name },
    );
  });
  // Empty places of the primals are no leaves when the function is called.
  return all.filter((_one, i) => !isLeaf(entries[i]?.[1]));
}

/**
 * As `jvp`, for any trees: leaves that are no inexact tensors have the tangent null, and null stands for zero.
 *
 * @param primals  the arguments, any trees; a number may have a tangent too, and is a float32 tensor then.
 * @param tangents  as `primals`, with null for zero.
 * @param options  an options object for `fn`, passed on as its last argument and not differentiated.
 * @returns `[value, tangent]`; `tangent` has null wherever the value does not depend on what has a tangent.
 * @throws ERR_ARGUMENT if the structures differ; ERR_TRANSFORM if a tangent does not fit its primal.
 * @see equinox.filter_jvp.
 */
export function filterJvp<A extends unknown[], R>(
  fn: Callable<A, R>,
  primals: readonly unknown[],
  tangents: readonly unknown[],
  options?: Readonly<Record<string, unknown>>,
): [value: R, tangent: R] {
  const name = 'filterJvp';
  requireLists(name, primals, tangents);
  const given = anyTangents(name, primals, tangents);
  const rest = options === undefined ? [] : [options];
  const request = { name, hasAux: false, wantsZeros: false, rest };
  const { output, tangent } = pushForward(request, fn, primals, given);
  return [output as R, tangent as R];
}
