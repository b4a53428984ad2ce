import { ArgumentError, TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, markRawTransform, type Callable } from '../module';
import * as ops from '../ops';
import type { Tensor } from '../tensor/tensor';
import { flatten, flattenWithPath, keystr, unflatten, type Structure } from '../tree';
import { describeValue } from './describe';
import { isDifferentiable } from './direction';
import { pushForward } from './jvp';
import { requireLive } from './live';
import { pairOf } from './pair';
import { positionsOf } from './positions';
import type { Maybe } from './rule';
import { pullBackOf } from './vjp';
import { vmap } from './vmap';
import { wrapFunction } from './wrapped-function';

export interface JacobianOptions {
  /** Which arguments to differentiate by: a position (then its Jacobian stands alone) or several. Default 0. */
  readonly argnums?: number | readonly number[] | undefined;
  /** Whether the function returns `[value, aux]`, of which only the value is differentiated. */
  readonly hasAux?: boolean | undefined;
}

/** The type of the argument at a position: what the Jacobian of a tensor by it looks like. */
type ArgumentAt<A extends unknown[], N extends number> = `${N}` extends keyof A ? A[`${N}`] : A[number];

/** What the second derivatives of a tensor look like, which is a tree of trees where the argument is one. */
type SecondOf<A extends unknown[], N extends number> = ArgumentAt<A, N> extends Tensor ? Tensor : unknown;

interface Request {
  readonly name: string;
  readonly hasAux: boolean;
  readonly argnums: number | readonly number[];
  /** Whether leaves that are no inexact tensors are left out instead of being errors. */
  readonly isFiltered: boolean;
}

/** A function of the differentiated tensors alone, and what is needed to name the results. */
interface Problem {
  readonly structure: Structure;
  readonly leaves: readonly unknown[];
  readonly xs: readonly Tensor[];
  readonly fn: (...xs: Tensor[]) => unknown;
}

function problemOf(
  { name, hasAux, argnums, isFiltered }: Request,
  fn: Callable,
  args: readonly unknown[],
): Problem {
  const positions = positionsOf(name, 'argnums', argnums, args.length);
  const target =
    typeof argnums === 'number' ? args[positions[0] ?? 0] : positions.map((position) => args[position]);
  const [entries, structure] = flattenWithPath(target);
  const leaves = entries.map(([, leaf]) => leaf);
  requireLive(name, leaves);
  for (const [path, leaf] of entries) {
    if (isFiltered || isDifferentiable(leaf)) continue;
    throw new TransformError(
      `${name}: expected floating-point tensors to differentiate by, got ${describeValue(leaf)}` +
        `${path.length > 0 ? ` at ${keystr(path)}` : ''}. Use the filtered form to leave such leaves out.`,
      { op: name },
    );
  }
  const apply = (...xs: Tensor[]): unknown => {
    let next = 0;
    const rebuilt = unflatten(
      structure,
      leaves.map((leaf) => (isDifferentiable(leaf) ? xs[next++] : leaf)),
    );
    const inside = [...args];
    const parts = typeof argnums === 'number' ? [rebuilt] : (rebuilt as unknown[]);
    positions.forEach((position, i) => {
      inside[position] = parts[i];
    });
    const result: unknown = call(fn as Callable<unknown[]>, ...inside);
    const [output, aux] = hasAux
      ? pairOf(name, 'a function that returns [value, aux] because of `hasAux`', result)
      : [result, null];
    for (const [path, leaf] of flattenWithPath(output)[0]) {
      if (isDifferentiable(leaf)) continue;
      throw new TransformError(
        `${name}: expected a function that returns floating-point tensors, got ${describeValue(leaf)}` +
          `${path.length > 0 ? ` at ${keystr(path)}` : ''}. Pass { hasAux: true } to return other values beside them.`,
        { op: name },
      );
    }
    return [output, aux];
  };
  return { structure, leaves, xs: leaves.filter(isDifferentiable), fn: apply };
}

/** The directions along each element of each tensor: for each tensor one of shape [all elements, ...shape]. */
function basis(tensors: readonly Tensor[]): Tensor[] {
  const total = tensors.reduce((sum, { size }) => sum + size, 0);
  let start = 0;
  return tensors.map(({ shape, size, dtype, device }) => {
    const rows = ops.eye(total, { dtype, device }).slice(1, start, start + size);
    start += size;
    return rows.reshape([total, ...shape]);
  });
}

/** Cuts the axis of all elements (the first) into the tensors that it goes over. */
function cut(all: Tensor, tensors: readonly Tensor[]): Tensor[] {
  let start = 0;
  return tensors.map(({ shape, size }) => {
    const part = all.slice(0, start, start + size).reshape([...shape, ...all.shape.slice(1)]);
    start += size;
    return part;
  });
}

/** The tree of the result, with a tree of the target in every place. */
function treeOfTrees(
  problem: Problem,
  outStructure: Structure,
  block: (output: number, x: number) => Tensor,
): unknown {
  return unflatten(
    outStructure,
    Array.from({ length: outStructure.leafCount }, (_one, output) => {
      let next = 0;
      return unflatten(
        problem.structure,
        problem.leaves.map((leaf) => (isDifferentiable(leaf) ? block(output, next++) : null)),
      );
    }),
  );
}

function forwardJacobian(request: Request, fn: Callable, args: readonly unknown[]): [unknown, unknown] {
  const { name } = request;
  const problem = problemOf(request, fn, args);
  const { xs } = problem;
  let outStructure: Structure | undefined;
  const push = (directions: readonly Maybe[]): [Tensor[], unknown] => {
    const pushed = pushForward(
      { name, hasAux: true, wantsZeros: true, rest: [] },
      problem.fn,
      xs,
      directions,
    );
    const [tangents, structure] = flatten(pushed.tangent);
    outStructure = structure;
    return [tangents as Tensor[], pushed.aux];
  };
  // The axis of directions comes first, and the function sees it nowhere but in the tangents.
  const run = vmap(push, { inAxes: [0], outAxes: [0, null] });
  const [columns, aux] = xs.length === 0 ? push([]) : run(basis(xs));
  if (outStructure === undefined)
    throw new TransformError(`${name}: expected the function to run.`, { op: name });
  const blocks = columns.map((column) => cut(column, xs).map((block, i) => toBack(block, xs[i]!.ndim)));
  return [treeOfTrees(problem, outStructure, (output, x) => blocks[output]![x]!), aux];
}

/** The first axes, of an argument, behind those of the result. */
function toBack(block: Tensor, rank: number): Tensor {
  if (rank === 0 || rank === block.ndim) return block;
  const axes = Array.from({ length: block.ndim }, (_one, axis) => (axis + rank) % block.ndim);
  return block.permute(axes);
}

function reverseJacobian(request: Request, fn: Callable, args: readonly unknown[]): [unknown, unknown] {
  const { name } = request;
  const problem = problemOf(request, fn, args);
  const { output, pull, aux } = pullBackOf(name, problem.fn, problem.xs, true);
  const [leaves, outStructure] = flatten(output);
  const outputs = leaves as Tensor[];
  const rows =
    outputs.length === 0
      ? []
      : vmap((cotangents: Tensor[]) => pull(unflatten(outStructure, cotangents)) as Tensor[])(basis(outputs));
  const blocks = rows.map((row) => cut(row, outputs));
  return [treeOfTrees(problem, outStructure, (output_, x) => blocks[x]![output_]!), aux];
}

type Method = typeof forwardJacobian;

function transform(
  method: Method,
  name: string,
  fn: Callable,
  options: JacobianOptions,
  isFiltered: boolean,
): (...args: unknown[]) => unknown {
  requireOptions(options, isFiltered ? ['hasAux'] : ['argnums', 'hasAux'], name);
  const { argnums = 0, hasAux = false } = options;
  return (...args) => {
    if (args.length === 0) {
      throw new ArgumentError(`${name}: expected an argument to differentiate by, got none.`, { op: name });
    }
    const [jacobian, aux] = method({ name, hasAux, argnums, isFiltered }, fn, args);
    return hasAux ? [jacobian, aux] : jacobian;
  };
}

/**
 * Gives the function that returns a function's Jacobian, computed in forward mode: one direction for each element of the
 * arguments, all at once. Best where there are more results than arguments.
 *
 * @param fn  a function or module that takes and returns tensors (trees of them), or returns `[value, aux]` with
 *   `hasAux`.
 * @returns a function of the same arguments that returns the Jacobian, or `[jacobian, aux]`: the tree of the result, in
 *   each place the tree of the argument, with leaves of shape `[...result, ...argument]`. With several `argnums` that is
 *   an array of trees.
 * @throws ERR_ARGUMENT if `argnums` names no argument; ERR_TRANSFORM if a leaf of the argument or of the result is no
 *   floating-point or complex tensor.
 * @example
 * const slope = jacfwd((x: Tensor) => x.square())(tensor([1, 2])); // [[2, 0], [0, 4]]
 * @see jax.jacfwd.
 */
export function jacfwd<A extends unknown[], X, N extends number = 0>(
  fn: Callable<A, readonly [Tensor, X]>,
  options: { readonly argnums?: N | undefined; readonly hasAux: true },
): (...args: A) => [jacobian: ArgumentAt<A, N>, aux: X];
export function jacfwd<A extends unknown[], X>(
  fn: Callable<A, readonly [unknown, X]>,
  options: JacobianOptions & { readonly hasAux: true },
): (...args: A) => [jacobian: unknown, aux: X];
export function jacfwd<A extends unknown[], N extends number = 0>(
  fn: Callable<A, Tensor>,
  options?: { readonly argnums?: N | undefined; readonly hasAux?: false | undefined },
): (...args: A) => ArgumentAt<A, N>;
export function jacfwd<A extends unknown[]>(
  fn: Callable<A>,
  options?: JacobianOptions,
): (...args: A) => unknown;
export function jacfwd(fn: Callable, options: JacobianOptions = {}): unknown {
  return markRawTransform(transform(forwardJacobian, 'jacfwd', fn, options, false), 'jacfwd', fn);
}

/**
 * As `jacfwd`, computed in reverse mode: one cotangent for each element of the results. Best where there are fewer
 * results than arguments. The leaves have the same shapes, `[...result, ...argument]`.
 *
 * @throws as `jacfwd` does.
 * @see jax.jacrev.
 */
export function jacrev<A extends unknown[], X, N extends number = 0>(
  fn: Callable<A, readonly [Tensor, X]>,
  options: { readonly argnums?: N | undefined; readonly hasAux: true },
): (...args: A) => [jacobian: ArgumentAt<A, N>, aux: X];
export function jacrev<A extends unknown[], X>(
  fn: Callable<A, readonly [unknown, X]>,
  options: JacobianOptions & { readonly hasAux: true },
): (...args: A) => [jacobian: unknown, aux: X];
export function jacrev<A extends unknown[], N extends number = 0>(
  fn: Callable<A, Tensor>,
  options?: { readonly argnums?: N | undefined; readonly hasAux?: false | undefined },
): (...args: A) => ArgumentAt<A, N>;
export function jacrev<A extends unknown[]>(
  fn: Callable<A>,
  options?: JacobianOptions,
): (...args: A) => unknown;
export function jacrev(fn: Callable, options: JacobianOptions = {}): unknown {
  return markRawTransform(transform(reverseJacobian, 'jacrev', fn, options, false), 'jacrev', fn);
}

function hessianOf(
  name: string,
  fn: Callable,
  options: JacobianOptions,
  isFiltered: boolean,
): (...args: unknown[]) => unknown {
  const inner = transform(reverseJacobian, name, fn, options, isFiltered);
  return transform(forwardJacobian, name, inner, options, isFiltered);
}

/**
 * Gives the function that returns a function's second derivatives: `jacfwd(jacrev(fn))`.
 *
 * @returns a function of the same arguments that returns the tree of the result, in each place the tree of the argument,
 *   and in each of its places that tree again, with leaves of shape `[...result, ...argument, ...argument]`.
 * @throws as `jacfwd` does.
 * @see jax.hessian.
 */
export function hessian<A extends unknown[], X, N extends number = 0>(
  fn: Callable<A, readonly [Tensor, X]>,
  options: { readonly argnums?: N | undefined; readonly hasAux: true },
): (...args: A) => [hessian: SecondOf<A, N>, aux: X];
export function hessian<A extends unknown[], X>(
  fn: Callable<A, readonly [unknown, X]>,
  options: JacobianOptions & { readonly hasAux: true },
): (...args: A) => [hessian: unknown, aux: X];
export function hessian<A extends unknown[], N extends number = 0>(
  fn: Callable<A, Tensor>,
  options?: { readonly argnums?: N | undefined; readonly hasAux?: false | undefined },
): (...args: A) => SecondOf<A, N>;
export function hessian<A extends unknown[]>(
  fn: Callable<A>,
  options?: JacobianOptions,
): (...args: A) => unknown;
export function hessian(fn: Callable, options: JacobianOptions = {}): unknown {
  return markRawTransform(hessianOf('hessian', fn, options, false), 'hessian', fn);
}

export interface FilterJacobianOptions {
  /** Whether the function returns `[value, aux]`, of which only the value is differentiated. */
  readonly hasAux?: boolean | undefined;
}

/**
 * As `jacfwd`, for any trees: with respect to the inexact tensors of the first argument, with null for its other leaves.
 *
 * @throws as `jacfwd` does, except for other leaves of the argument.
 * @see equinox.filter_jacfwd.
 */
export function filterJacfwd<A extends unknown[], X>(
  fn: Callable<A, readonly [Tensor, X]>,
  options: FilterJacobianOptions & { readonly hasAux: true },
): (...args: A) => [jacobian: A[0], aux: X];
export function filterJacfwd<A extends unknown[], X>(
  fn: Callable<A, readonly [unknown, X]>,
  options: FilterJacobianOptions & { readonly hasAux: true },
): (...args: A) => [jacobian: unknown, aux: X];
export function filterJacfwd<A extends unknown[]>(
  fn: Callable<A, Tensor>,
  options?: { readonly hasAux?: false | undefined },
): (...args: A) => A[0];
export function filterJacfwd<A extends unknown[]>(
  fn: Callable<A>,
  options?: FilterJacobianOptions,
): (...args: A) => unknown;
export function filterJacfwd(fn: Callable, options: FilterJacobianOptions = {}): unknown {
  return wrapFunction(
    transform(forwardJacobian, 'filterJacfwd', fn, options, true),
    fn,
    filterJacfwd,
    options,
  );
}

/**
 * As `jacrev`, for any trees: with respect to the inexact tensors of the first argument, with null for its other leaves.
 *
 * @throws as `jacrev` does, except for other leaves of the argument.
 * @see equinox.filter_jacrev.
 */
export function filterJacrev<A extends unknown[], X>(
  fn: Callable<A, readonly [Tensor, X]>,
  options: FilterJacobianOptions & { readonly hasAux: true },
): (...args: A) => [jacobian: A[0], aux: X];
export function filterJacrev<A extends unknown[], X>(
  fn: Callable<A, readonly [unknown, X]>,
  options: FilterJacobianOptions & { readonly hasAux: true },
): (...args: A) => [jacobian: unknown, aux: X];
export function filterJacrev<A extends unknown[]>(
  fn: Callable<A, Tensor>,
  options?: { readonly hasAux?: false | undefined },
): (...args: A) => A[0];
export function filterJacrev<A extends unknown[]>(
  fn: Callable<A>,
  options?: FilterJacobianOptions,
): (...args: A) => unknown;
export function filterJacrev(fn: Callable, options: FilterJacobianOptions = {}): unknown {
  return wrapFunction(
    transform(reverseJacobian, 'filterJacrev', fn, options, true),
    fn,
    filterJacrev,
    options,
  );
}

/**
 * As `hessian`, for any trees: with respect to the inexact tensors of the first argument, with null for its other leaves.
 *
 * @throws as `hessian` does, except for other leaves of the argument.
 * @see equinox.filter_hessian.
 */
export function filterHessian<A extends unknown[], X>(
  fn: Callable<[Tensor, ...A], readonly [Tensor, X]>,
  options: FilterJacobianOptions & { readonly hasAux: true },
): (x: Tensor, ...args: A) => [hessian: Tensor, aux: X];
export function filterHessian<A extends unknown[], X>(
  fn: Callable<A, readonly [unknown, X]>,
  options: FilterJacobianOptions & { readonly hasAux: true },
): (...args: A) => [hessian: unknown, aux: X];
export function filterHessian<A extends unknown[]>(
  fn: Callable<[Tensor, ...A], Tensor>,
  options?: { readonly hasAux?: false | undefined },
): (x: Tensor, ...args: A) => Tensor;
export function filterHessian<A extends unknown[]>(
  fn: Callable<A>,
  options?: FilterJacobianOptions,
): (...args: A) => unknown;
export function filterHessian(fn: Callable, options: FilterJacobianOptions = {}): unknown {
  return wrapFunction(hessianOf('filterHessian', fn, options, true), fn, filterHessian, options);
}
