import { ArgumentError, TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, markRawTransform, type Callable } from '../module';
import * as ops from '../ops';
import { refusePromise } from '../tensor/tidy';
import type { Tensor } from '../tensor/tensor';
import { flatten, unflatten } from '../tree';
import { applyRule } from './custom-rule';
import { directionsOf, isDifferentiable, looksOf } from './direction';
import { takeApart, type Layout } from './layout';
import { requireLive } from './live';
import { pairOf } from './pair';
import { positionsOf } from './positions';
import type { Maybe, Rule } from './rule';

/** How `customVjp` and `filterCustomVjp` call what the user gave. */
interface Parts {
  readonly name: string;
  readonly primal: (first: unknown, rest: readonly unknown[]) => unknown;
  readonly forward: (perturbed: unknown, first: unknown, rest: readonly unknown[]) => unknown;
  readonly backward: (
    residuals: unknown,
    cotangents: unknown,
    perturbed: unknown,
    first: unknown,
    rest: readonly unknown[],
  ) => unknown;
  /** Whether cotangents that are zero are zeros instead of null. */
  readonly wantsZeros: boolean;
}

/** Calls the function on `first`, which is differentiated, and `rest`, which must not be. */
function applyVjp(parts: Parts, first: unknown, rest: readonly unknown[]): unknown {
  const { name } = parts;
  const [tensors, layout] = takeApart([first, rest]);
  requireLive(name, tensors);
  const [firstLeaves, firstStructure] = flatten(first);
  const firstLayout = takeApart(first)[1];
  const firstCount = firstLayout.count;
  const isFloat = firstLeaves.map(isDifferentiable);
  let outLayout: Layout | undefined;
  const open = (inputs: readonly Tensor[]): [unknown, readonly unknown[]] =>
    layout.rebuild(inputs) as [unknown, readonly unknown[]];

  const rule: Rule = {
    name,
    primal: (inputs) => {
      const result = parts.primal(...open(inputs));
      refusePromise(result, name);
      const [outputs, shape] = takeApart(result);
      outLayout = shape;
      return outputs;
    },
    forward: (watched, inputs) => {
      if (watched.slice(firstCount).includes(true)) {
        throw new TransformError(
          `${name}: expected a derivative with respect to the argument that the rule is for, got one with respect to another. Stop it with stopGradient, or make it part of that argument.`,
          { op: name },
        );
      }
      const perturbed = firstLayout.rebuildOnly(
        watched.slice(0, firstCount).map((isWatched, i) => isWatched && firstLayout.atTensors(isFloat)[i]),
        false,
      );
      const result = parts.forward(perturbed, ...open(inputs));
      refusePromise(result, name);
      const [output, left] = pairOf(name, 'a forward rule that returns [result, residuals]', result);
      const [outputs, shape] = takeApart(output);
      const [residuals, residualLayout] = takeApart(left);
      outLayout = shape;
      const zeros = parts.wantsZeros ? zerosFor(outputs) : [];
      return {
        outputs,
        residuals: [...inputs, ...residuals],
        backward: (kept, cotangents) => {
          const own = kept.slice(0, layout.count);
          const filled = cotangents.map((cotangent, i) => cotangent ?? zeros[i]?.() ?? null);
          const gradients: unknown = parts.backward(
            residualLayout.rebuild(kept.slice(layout.count)),
            shape.rebuildOnly(filled, null),
            perturbed,
            ...open(own),
          );
          refusePromise(gradients, name);
          const firstOwn = flatten(firstLayout.rebuild(own.slice(0, firstCount)))[0];
          const found = directionsOf(name, 'gradients', firstStructure, looksOf(firstOwn), gradients);
          return [...firstLayout.atTensors<Maybe>(found), ...own.slice(firstCount).map(() => null)];
        },
      };
    },
  };
  const outputs = applyRule(rule, tensors);
  if (outLayout === undefined)
    throw new TransformError(`${name}: expected the function to run.`, { op: name });
  return outLayout.rebuild(outputs);
}

/** What makes the zeros for each result that can have a gradient. */
function zerosFor(outputs: readonly Tensor[]): readonly (() => Maybe)[] {
  return outputs.map((output) => {
    const { shape, dtype, device } = output;
    return isDifferentiable(output) ? () => ops.zeros(shape, { dtype, device }) : () => null;
  });
}

function noRule(name: string, methods: string): TransformError {
  return new TransformError(
    `${name}: expected rules before the first call, got none. Call ${methods} first.`,
    {
      op: name,
    },
  );
}

/** The forward rule of `filterCustomVjp`. */
export type FilterForward<V, A extends unknown[], R> = (
  perturbed: unknown,
  vjpArg: V,
  ...args: A
) => readonly [result: R, residuals: unknown];

/** The backward rule of `filterCustomVjp`. */
export type FilterBackward<V, A extends unknown[]> = (
  residuals: never,
  gradOut: never,
  perturbed: unknown,
  vjpArg: V,
  ...args: A
) => unknown;

/** A function of any trees with a gradient of its own with respect to its first argument. */
export interface FilterCustomVjp<V, A extends unknown[], R> {
  (vjpArg: V, ...args: A): R;
  /**
   * Sets the rule that runs instead of the function when a gradient is asked for: `(perturbed, vjpArg, ...args)` to
   * `[result, residuals]`. `perturbed` is the tree of `vjpArg` with a boolean for each leaf; residuals are any tree.
   */
  defFwd(rule: FilterForward<V, A, R>): this;
  /**
   * Sets the rule for the gradient: `(residuals, gradOut, perturbed, vjpArg, ...args)` to the tree of `vjpArg` with
   * gradients, where null stands for zero. `gradOut` has null where a result is not used or is no inexact tensor.
   */
  defBwd(rule: FilterBackward<V, A>): this;
}

/**
 * Gives a function a gradient of its own, with respect to its first argument, which may be any tree.
 *
 * The rules run wherever a gradient is asked for: under `vmap`, inside each other, and when a compiled function that
 * calls this one is differentiated. They are differentiated themselves for second derivatives, in any mode.
 *
 * @param fn  `(vjpArg, ...args)`; what it captures must not be differentiated.
 * @returns the function, whose `defFwd` and `defBwd` set the rules and must be called before it is.
 * @throws ERR_TRANSFORM (when called) without rules; if a derivative is asked for with respect to a later argument, of a
 *   captured tensor, or in forward mode; if the backward rule returns another tree, shape or dtype than `vjpArg` has.
 * @example
 * const clip = filterCustomVjp((x: Tensor) => x)
 *   .defFwd((_perturbed, x) => [x, null])
 *   .defBwd((_residuals: null, g: Tensor) => g.clamp(-1, 1));
 * @see equinox.filter_custom_vjp.
 */
export function filterCustomVjp<V, A extends unknown[], R>(
  fn: Callable<[V, ...A], R>,
): FilterCustomVjp<V, A, R> {
  const name = 'filterCustomVjp';
  let forward: FilterForward<V, A, R> | undefined;
  let backward: ((...args: unknown[]) => unknown) | undefined;
  const apply = (...all: [V, ...A]): R => {
    if (forward === undefined || backward === undefined) throw noRule(name, '`defFwd` and `defBwd`');
    if (all.length === 0) {
      throw new ArgumentError(`${name}: expected a first argument to differentiate by, got none.`, {
        op: name,
      });
    }
    const fwd = forward;
    const bwd = backward;
    const [first, ...rest] = all;
    const parts: Parts = {
      name,
      primal: (one, others) => call(fn as Callable<unknown[]>, one, ...others),
      forward: (perturbed, one, others) => fwd(perturbed, one as V, ...(others as A)),
      backward: (residuals, gradOut, perturbed, one, others) =>
        bwd(residuals, gradOut, perturbed, one, ...others),
      wantsZeros: false,
    };
    return applyVjp(parts, first, rest) as R;
  };
  const custom: FilterCustomVjp<V, A, R> = Object.assign(apply, {
    defFwd(rule: FilterForward<V, A, R>) {
      forward = rule;
      return custom;
    },
    defBwd(rule: FilterBackward<V, A>) {
      backward = rule as (...args: unknown[]) => unknown;
      return custom;
    },
  });
  return custom;
}

export interface CustomRuleOptions {
  /** Positions of arguments that are not differentiated, which may be anything. */
  readonly nondiffArgnums?: number | readonly number[] | undefined;
}

/** A function of tensors with a gradient of its own. */
export interface CustomVjp<A extends unknown[], R> {
  (...args: A): R;
  /**
   * Sets both rules. `fwd` takes the arguments and returns `[result, residuals]`; `bwd` takes the arguments of
   * `nondiffArgnums`, the residuals and the result's cotangents, and returns an array with the gradient of each other
   * argument, where null stands for zero.
   */
  defvjp(
    fwd: (...args: A) => readonly [result: R, residuals: unknown],
    bwd: (...args: never[]) => readonly unknown[],
  ): this;
}

/** Positions counted from the front, each once. */
export function nondifferentiable(
  name: string,
  { nondiffArgnums = [] }: CustomRuleOptions,
  count: number,
): readonly number[] {
  return positionsOf(name, 'nondiffArgnums', nondiffArgnums, count);
}

/** The arguments in their order again. */
export function mergeArguments(
  positions: readonly number[],
  fixed: readonly unknown[],
  differentiated: readonly unknown[],
): unknown[] {
  const all: unknown[] = [];
  let next = 0;
  for (let i = 0; i < fixed.length + differentiated.length; i++) {
    const place = positions.indexOf(i);
    all.push(place < 0 ? differentiated[next++] : fixed[place]);
  }
  return all;
}

/**
 * Gives a function of tensors a gradient of its own.
 *
 * @param fn  a function of tensors (trees of them), and of anything at `nondiffArgnums`.
 * @returns the function, whose `defvjp` sets the rules and must be called before it is.
 * @throws as `filterCustomVjp` does.
 * @example
 * const f = customVjp((x: Tensor) => x.sin()).defvjp(
 *   (x) => [x.sin(), x.cos()],
 *   (cos: Tensor, g: Tensor) => [g.mul(cos)],
 * );
 * @see jax.custom_vjp.
 */
export function customVjp<A extends unknown[], R>(
  fn: Callable<A, R>,
  options: CustomRuleOptions = {},
): CustomVjp<A, R> {
  const name = 'customVjp';
  requireOptions(options, ['nondiffArgnums'], name);
  let rules: readonly [(...args: unknown[]) => unknown, (...args: unknown[]) => unknown] | undefined;
  const apply = (...args: A): R => {
    if (rules === undefined) throw noRule(name, '`defvjp`');
    const [fwd, bwd] = rules;
    const positions = nondifferentiable(name, options, args.length);
    const differentiated = args.filter((_arg, i) => !positions.includes(i));
    const fixed = positions.map((position) => args[position]);
    const merge = (one: unknown, others: readonly unknown[]): unknown[] =>
      mergeArguments(positions, others, one as unknown[]);
    const parts: Parts = {
      name,
      primal: (one, others) => call(fn as Callable<unknown[]>, ...merge(one, others)),
      forward: (_perturbed, one, others) => fwd(...merge(one, others)),
      backward: (residuals, gradOut, _perturbed, one, others) => {
        const gradients: unknown = bwd(...others, residuals, gradOut);
        return byArgument(name, gradients, one as unknown[]);
      },
      wantsZeros: true,
    };
    return applyVjp(parts, differentiated, fixed) as R;
  };
  const custom: CustomVjp<A, R> = Object.assign(apply, {
    defvjp(fwd: (...args: A) => unknown, bwd: (...args: never[]) => unknown) {
      rules = [fwd as (...args: unknown[]) => unknown, bwd as (...args: unknown[]) => unknown];
      return custom;
    },
  });
  return markRawTransform(custom, name, fn);
}

/** The gradients that a backward rule returned, with zero for every leaf of an argument that has null. */
function byArgument(name: string, gradients: unknown, args: readonly unknown[]): unknown {
  if (!Array.isArray(gradients) || gradients.length !== args.length) {
    throw new TransformError(
      `${name}: expected a backward rule that returns an array with the gradient of each of ${args.length} argument(s), got ${
        Array.isArray(gradients) ? `one of ${gradients.length}` : 'none'
      }.`,
      { op: name },
    );
  }
  return gradients.map((gradient: unknown, i) => {
    if (gradient !== null && gradient !== undefined) return gradient;
    const [leaves, structure] = flatten(args[i]);
    return unflatten(
      structure,
      leaves.map(() => null),
    );
  });
}
