import { isInexactDType } from '../base/dtype';
import { TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, markRawTransform, type Callable } from '../module';
import { native } from '../native';
import { handleOf, Tensor } from '../tensor/tensor';
import { adopt } from '../tensor/lifetime';
import { refusePromise, tensorsIn } from '../tensor/tidy';
import { flatten, flattenWithPath, keystr, unflatten, type Structure } from '../tree';
import { describeValue } from './describe';
import { withLevel } from './levels';
import { requireLive } from './live';
import { positionsOf } from './positions';
import { wrapFunction } from './wrapped-function';

/** The arguments that are differentiated, taken apart. */
interface Target {
  readonly position: number;
  readonly structure: Structure;
  readonly leaves: readonly unknown[];
}

interface Derivative {
  /** Undefined where it was not asked for. */
  readonly value: Tensor | undefined;
  readonly aux: unknown;
  /** A tree for each target, with null where a leaf has no gradient. */
  readonly grads: readonly unknown[];
}

interface Request {
  /** The public name, for messages. */
  readonly name: string;
  readonly hasAux: boolean;
  readonly wantsValue: boolean;
}

/** Calls `fn` inside a Grad layer and differentiates its scalar result by the inexact tensors of the targets. */
function differentiate(
  { name, hasAux, wantsValue }: Request,
  fn: Callable,
  args: readonly unknown[],
  targets: readonly Target[],
): Derivative {
  return withLevel(
    name,
    () => native().pushGrad(),
    (level) => {
      const inside = [...args];
      const wrapped: Tensor[] = [];
      for (const { position, structure, leaves } of targets) {
        const replaced = leaves.map((leaf) => {
          if (!isDifferentiable(leaf)) return leaf;
          const wrapper = adopt(native().wrapGrad(handleOf(leaf, name), level));
          wrapped.push(wrapper);
          return wrapper;
        });
        inside[position] = unflatten(structure, replaced);
      }
      const result: unknown = call(fn as Callable<unknown[]>, ...inside);
      refusePromise(result, name);
      const [output, aux] = hasAux ? pair(name, result) : [result, undefined];
      const scalar = scalarOutput(name, output);

      const handles = wrapped.map((tensor) => handleOf(tensor, name));
      const grads = native().gradients(handleOf(scalar, name), handles, level).map(adopt);
      const derivative: Derivative = {
        value: wantsValue ? (unwrap(name, scalar, level) as Tensor) : undefined,
        aux: unwrap(name, aux, level),
        grads: regroup(targets, grads),
      };
      return [derivative, tensorsIn([derivative.value, derivative.aux, derivative.grads])];
    },
  );
}

function isDifferentiable(leaf: unknown): leaf is Tensor {
  return leaf instanceof Tensor && isInexactDType(leaf.dtype);
}

function pair(name: string, result: unknown): readonly [unknown, unknown] {
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw new TransformError(
    `${name}: expected a function that returns [value, aux] because of \`hasAux\`, got ${describeValue(result)}.`,
    { op: name },
  );
}

function scalarOutput(name: string, output: unknown): Tensor {
  const isScalar = output instanceof Tensor && output.ndim === 0;
  if (isScalar && /^b?float/.test(output.dtype)) return output;
  const hint =
    output instanceof Tensor && output.ndim > 0
      ? 'Reduce it with sum() or mean(), or take a Jacobian.'
      : Array.isArray(output)
        ? 'Pass { hasAux: true } if it returns [value, aux].'
        : 'Return one real number as a tensor.';
  throw new TransformError(
    `${name}: expected a function that returns a real scalar tensor, got ${describeValue(output)}. ${hint}`,
    { op: name },
  );
}

/** The tree with the tensors of this level taken out of their wrappers; others stay the same objects. */
function unwrap(name: string, tree: unknown, level: number): unknown {
  const [leaves, structure] = flatten(tree);
  const plain = leaves.map((leaf) => {
    if (!(leaf instanceof Tensor)) return leaf;
    const handle = native().unwrapGrad(handleOf(leaf, name), level);
    return handle === 0 ? leaf : adopt(handle);
  });
  return unflatten(structure, plain);
}

function regroup(targets: readonly Target[], grads: readonly Tensor[]): unknown[] {
  let next = 0;
  return targets.map(({ structure, leaves }) =>
    unflatten(
      structure,
      leaves.map((leaf) => (isDifferentiable(leaf) ? grads[next++] : null)),
    ),
  );
}

export interface GradOptions {
  /** Which arguments to differentiate by: a position (then the gradient stands alone) or several. Default 0. */
  readonly argnums?: number | readonly number[] | undefined;
  /** Whether the function returns `[value, aux]`, of which only the value is differentiated. */
  readonly hasAux?: boolean | undefined;
}

function rawTargets(
  name: string,
  args: readonly unknown[],
  argnums: number | readonly number[],
): readonly Target[] {
  return positionsOf(name, 'argnums', argnums, args.length).map((position) => {
    const [entries, structure] = flattenWithPath(args[position]);
    requireLive(
      name,
      entries.map(([, leaf]) => leaf),
    );
    for (const [path, leaf] of entries) {
      if (isDifferentiable(leaf)) continue;
      throw new TransformError(
        `${name}: expected floating-point tensors in argument ${position}, got ${describeValue(leaf)}` +
          `${path.length > 0 ? ` at ${keystr(path)}` : ''}. Use filterGrad to leave such leaves out.`,
        { op: name },
      );
    }
    return { position, structure, leaves: entries.map(([, leaf]) => leaf) };
  });
}

type AnyFn = Callable;

/**
 * Gives the function that returns a function's value and its gradient.
 *
 * @param fn  a function or module that returns a real scalar tensor, or `[value, aux]` with `hasAux`.
 * @returns a function of the same arguments that returns `[value, grad]`, or `[[value, aux], grad]`. `grad` has the
 *   structure of the argument; with several `argnums` it is an array of these.
 * @throws ERR_TRANSFORM if the result is not a real scalar tensor, or a leaf of the argument is no floating-point
 *   tensor; ERR_ARGUMENT if `argnums` names no argument.
 * @example
 * const [value, dx] = valueAndGrad((x: Tensor) => x.square().sum())(tensor([1, 2]));
 * @see jax.value_and_grad. Difference: complex tensors may be differentiated by, and their gradient is PyTorch's, the
 *   direction of steepest ascent (the complex conjugate of what JAX gives).
 */
export function valueAndGrad<A extends unknown[]>(
  fn: Callable<A, Tensor>,
  options?: GradOptions & { readonly hasAux?: false | undefined; readonly argnums?: 0 | undefined },
): (...args: A) => [value: Tensor, grad: A[0]];
export function valueAndGrad<A extends unknown[], X>(
  fn: Callable<A, readonly [Tensor, X]>,
  options: GradOptions & { readonly hasAux: true; readonly argnums?: 0 | undefined },
): (...args: A) => [value: [Tensor, X], grad: A[0]];
export function valueAndGrad<A extends unknown[]>(
  fn: Callable<A>,
  options: GradOptions,
): (...args: A) => [value: unknown, grad: unknown];
export function valueAndGrad(
  fn: AnyFn,
  options: GradOptions = {},
): (...args: unknown[]) => [unknown, unknown] {
  return markRawTransform(rawTransform('valueAndGrad', fn, options, true), 'valueAndGrad', fn);
}

/**
 * Gives the function that returns a function's gradient.
 *
 * @param fn  as for `valueAndGrad`.
 * @returns a function of the same arguments that returns the gradient, or `[grad, aux]` with `hasAux`.
 * @throws as `valueAndGrad` does.
 * @example
 * const dx = grad((x: Tensor) => x.square().sum())(tensor([1, 2])); // [2, 4]
 * @see jax.grad.
 */
export function grad<A extends unknown[]>(
  fn: Callable<A, Tensor>,
  options?: GradOptions & { readonly hasAux?: false | undefined; readonly argnums?: 0 | undefined },
): (...args: A) => A[0];
export function grad<A extends unknown[], X>(
  fn: Callable<A, readonly [Tensor, X]>,
  options: GradOptions & { readonly hasAux: true; readonly argnums?: 0 | undefined },
): (...args: A) => [grad: A[0], aux: X];
export function grad<A extends unknown[]>(fn: Callable<A>, options: GradOptions): (...args: A) => unknown;
export function grad(fn: AnyFn, options: GradOptions = {}): (...args: unknown[]) => unknown {
  const both = rawTransform('grad', fn, options, false);
  const gradient = (...args: unknown[]): unknown => onlyGrad(both(...args), options.hasAux);
  return markRawTransform(gradient, 'grad', fn);
}

/** What `grad` returns, of what `valueAndGrad` returns. */
function onlyGrad([value, gradient]: readonly [unknown, unknown], hasAux: boolean | undefined): unknown {
  return hasAux === true ? [gradient, (value as readonly unknown[])[1]] : gradient;
}

function rawTransform(
  name: string,
  fn: AnyFn,
  options: GradOptions,
  wantsValue: boolean,
): (...args: unknown[]) => [unknown, unknown] {
  requireOptions(options, ['argnums', 'hasAux'], name);
  const { argnums = 0, hasAux = false } = options;
  return (...args) => {
    const targets = rawTargets(name, args, argnums);
    const { value, aux, grads } = differentiate({ name, hasAux, wantsValue }, fn, args, targets);
    return [hasAux ? [value, aux] : value, typeof argnums === 'number' ? grads[0] : grads];
  };
}

export interface FilterGradOptions {
  /** Whether the function returns `[value, aux]`, of which only the value is differentiated. */
  readonly hasAux?: boolean | undefined;
}

/**
 * As `valueAndGrad`, for any trees: with respect to the inexact tensors of the first argument.
 *
 * @param fn  a function of a model (any tree) and further arguments that returns a real scalar tensor, or
 *   `[value, aux]` with `hasAux`.
 * @returns a function of the same arguments that returns `[value, grads]`, or `[[value, aux], grads]`. `grads` has
 *   the model's structure, with null for every leaf that is no floating-point or complex tensor.
 * @throws ERR_TRANSFORM if there is no first argument or no such tensor in it, or the result is no real scalar.
 * @example
 * const [value, grads] = filterValueAndGrad((model: Net, x: Tensor) => model.forward(x).mean())(model, x);
 * @see equinox.filter_value_and_grad. Difference: a first argument without any inexact tensor is an error.
 */
export function filterValueAndGrad<M, A extends unknown[]>(
  fn: Callable<[M, ...A], Tensor>,
  options?: { readonly hasAux?: false | undefined },
): (model: M, ...args: A) => [value: Tensor, grads: M];
export function filterValueAndGrad<M, A extends unknown[], X>(
  fn: Callable<[M, ...A], readonly [Tensor, X]>,
  options: { readonly hasAux: true },
): (model: M, ...args: A) => [value: [Tensor, X], grads: M];
export function filterValueAndGrad(fn: AnyFn, options: FilterGradOptions = {}): unknown {
  const both = filterTransform('filterValueAndGrad', fn, options, true);
  return wrapFunction(both, fn, filterValueAndGrad, options);
}

/**
 * As `grad`, for any trees: with respect to the inexact tensors of the first argument.
 *
 * @returns a function of the same arguments that returns `grads`, or `[grads, aux]` with `hasAux`.
 * @throws as `filterValueAndGrad` does.
 * @see equinox.filter_grad.
 */
export function filterGrad<M, A extends unknown[]>(
  fn: Callable<[M, ...A], Tensor>,
  options?: { readonly hasAux?: false | undefined },
): (model: M, ...args: A) => M;
export function filterGrad<M, A extends unknown[], X>(
  fn: Callable<[M, ...A], readonly [Tensor, X]>,
  options: { readonly hasAux: true },
): (model: M, ...args: A) => [grads: M, aux: X];
export function filterGrad(fn: AnyFn, options: FilterGradOptions = {}): unknown {
  const both = filterTransform('filterGrad', fn, options, false);
  const gradient = (...args: unknown[]): unknown => onlyGrad(both(...args), options.hasAux);
  return wrapFunction(gradient, fn, filterGrad, options);
}

function filterTransform(
  name: string,
  fn: AnyFn,
  options: FilterGradOptions,
  wantsValue: boolean,
): (...args: unknown[]) => [unknown, unknown] {
  requireOptions(options, ['hasAux'], name);
  const { hasAux = false } = options;
  return (...args) => {
    if (args.length === 0) {
      throw new TransformError(
        `${name}: expected a first argument to differentiate by, got none. Pass the model first.`,
        { op: name },
      );
    }
    const [leaves, structure] = flatten(args[0]);
    requireLive(name, leaves);
    if (!leaves.some(isDifferentiable)) {
      throw new TransformError(
        `${name}: expected a floating-point tensor in the first argument, got ${describeValue(args[0])} without one.`,
        { op: name },
      );
    }
    const target = { position: 0, structure, leaves };
    const { value, aux, grads } = differentiate({ name, hasAux, wantsValue }, fn, args, [target]);
    return [hasAux ? [value, aux] : value, grads[0]];
  };
}
