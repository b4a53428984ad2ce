import { TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, markRawTransform, type Callable } from '../module';
import * as ops from '../ops';
import { refusePromise } from '../tensor/tidy';
import { Tensor } from '../tensor/tensor';
import { flatten, isPlainObject } from '../tree';
import { applyRule } from './custom-rule';
import { mergeArguments, nondifferentiable, type CustomRuleOptions } from './custom-vjp';
import { describeValue } from './describe';
import { directionsOf, isDifferentiable, looksOf } from './direction';
import { takeApart, type Layout } from './layout';
import { requireLive } from './live';
import { pairOf } from './pair';
import type { Maybe, Rule } from './rule';

/** How `customJvp` and `filterCustomJvp` call what the user gave. */
interface Parts {
  readonly name: string;
  readonly primal: (args: readonly unknown[], fixed: readonly unknown[]) => unknown;
  readonly push: (primals: readonly unknown[], tangents: unknown, fixed: readonly unknown[]) => unknown;
  /** Whether tangents that are zero are zeros instead of null. */
  readonly wantsZeros: boolean;
}

/** Calls the function on `args`, which are differentiated, and `fixed`, which must not be. */
function applyJvp(parts: Parts, args: readonly unknown[], fixed: readonly unknown[]): unknown {
  const { name } = parts;
  const [tensors, layout] = takeApart([args, fixed]);
  requireLive(name, tensors);
  const argsLayout = takeApart(args)[1];
  let outLayout: Layout | undefined;
  const open = (inputs: readonly Tensor[]): [unknown[], unknown[]] =>
    layout.rebuild(inputs) as [unknown[], unknown[]];

  const rule: Rule = {
    name,
    primal: (inputs) => {
      const result = parts.primal(...open(inputs));
      refusePromise(result, name);
      const [outputs, shape] = takeApart(result);
      outLayout = shape;
      return outputs;
    },
    jvp: (primals, given) => {
      if (given.slice(argsLayout.count).some((tangent) => tangent !== null)) {
        throw new TransformError(
          `${name}: expected a derivative with respect to arguments that have one, got one with respect to an option or an argument of \`nondiffArgnums\`.`,
          { op: name },
        );
      }
      const own = given.slice(0, argsLayout.count);
      const tangents = own.map((tangent, i) => tangentFor(primals[i]!, tangent, parts.wantsZeros));
      const [inside, others] = open(primals);
      const result = parts.push(inside, argsLayout.rebuildOnly(tangents, null), others);
      refusePromise(result, name);
      const [output, outputTangents] = pairOf(name, 'a rule that returns [result, tangents]', result);
      const [outputs, shape] = takeApart(output);
      const [leaves, structure] = flatten(output);
      const found = directionsOf(name, 'tangents of the result', structure, looksOf(leaves), outputTangents);
      outLayout = shape;
      return { outputs, tangents: shape.atTensors<Maybe>(found) };
    },
  };
  const outputs = applyRule(rule, tensors);
  if (outLayout === undefined)
    throw new TransformError(`${name}: expected the function to run.`, { op: name });
  return outLayout.rebuild(outputs);
}

function tangentFor(primal: Tensor, tangent: Maybe, wantsZeros: boolean): Maybe {
  if (!isDifferentiable(primal)) return null;
  return tangent ?? (wantsZeros ? ops.zerosLike(primal) : null);
}

/** The rule of `filterCustomJvp`. */
export type FilterPush = (
  primals: never,
  tangents: never,
  options: never,
) => readonly [result: unknown, tangents: unknown];

/** A function of any trees with a derivative of its own. */
export interface FilterCustomJvp<A extends unknown[], R> {
  (...args: A): R;
  /**
   * Sets the rule: `(primals, tangents, options)` to `[result, tangents]`. Both lists have one entry for each argument;
   * tangents are null for what is no inexact tensor, and for zero; so may be those of the result. An options object at
   * the end of the arguments is passed on and not differentiated.
   */
  defJvp(rule: FilterPush): this;
}

/**
 * Gives a function a derivative of its own, in forward mode; the gradient is that rule transposed.
 *
 * @param fn  a function of any trees; a plain object as the last argument is options. What it captures must not be
 *   differentiated.
 * @returns the function, whose `defJvp` sets the rule and must be called before it is.
 * @throws ERR_TRANSFORM (when called) without a rule; if a derivative is asked for with respect to an option or of a
 *   captured tensor; if the rule returns tangents of another structure, shape or dtype than the result has.
 * @example
 * const f = filterCustomJvp((x: Tensor, y: Tensor) => x.mul(y)).defJvp(
 *   ([x, y]: [Tensor, Tensor], [tx]: [Tensor | null]) => [x.mul(y), tx && tx.mul(y)],
 * );
 * @see equinox.filter_custom_jvp. Difference: results that are no tensors may be returned, with null as their tangent.
 */
export function filterCustomJvp<A extends unknown[], R>(fn: Callable<A, R>): FilterCustomJvp<A, R> {
  const name = 'filterCustomJvp';
  let rule: ((...args: unknown[]) => unknown) | undefined;
  const apply = (...all: A): R => {
    const push = rule;
    if (push === undefined) throw noRule(name, 'defJvp');
    const hasOptions = isPlainObject(all.at(-1));
    const args = hasOptions ? all.slice(0, -1) : all;
    const parts: Parts = {
      name,
      primal: (own, fixed) => call(fn as Callable<unknown[]>, ...own, ...fixed),
      push: (primals, tangents, fixed) => push(primals, tangents, ...fixed),
      wantsZeros: false,
    };
    return applyJvp(parts, args, hasOptions ? all.slice(-1) : []) as R;
  };
  const custom: FilterCustomJvp<A, R> = Object.assign(apply, {
    defJvp(given: FilterPush) {
      rule = given as (...args: unknown[]) => unknown;
      return custom;
    },
  });
  return custom;
}

function noRule(name: string, method: string): TransformError {
  return new TransformError(
    `${name}: expected a rule before the first call, got none. Call \`${method}\` first.`,
    { op: name },
  );
}

/** A function of tensors with a derivative of its own. */
export interface CustomJvp<A extends unknown[], R> {
  (...args: A): R;
  /**
   * Sets the rule: the arguments of `nondiffArgnums`, then `primals` and `tangents` with one entry for each other
   * argument; returns `[result, tangents]`. Zero tangents are zeros; null stands for zero in what it returns.
   */
  defjvp(rule: (...args: never[]) => readonly [result: R, tangents: unknown]): this;
  /**
   * Sets a rule for each argument, null for an argument without influence: `(tangent, result, ...primals)` to its part
   * of the result's tangent. For functions that return one tensor.
   */
  defjvps(...rules: readonly (((tangent: never, result: R, ...primals: A) => Tensor) | null)[]): this;
}

/**
 * Gives a function of tensors a derivative of its own, in forward mode; the gradient is that rule transposed.
 *
 * @param fn  a function of tensors (trees of them), and of anything at `nondiffArgnums`.
 * @returns the function, whose `defjvp` or `defjvps` sets the rule and must be called before it is.
 * @throws as `filterCustomJvp` does.
 * @example
 * const f = customJvp((x: Tensor) => x.sin()).defjvp(([x]: [Tensor], [t]: [Tensor]) => [x.sin(), x.cos().mul(t)]);
 * @see jax.custom_jvp.
 */
export function customJvp<A extends unknown[], R>(
  fn: Callable<A, R>,
  options: CustomRuleOptions = {},
): CustomJvp<A, R> {
  const name = 'customJvp';
  requireOptions(options, ['nondiffArgnums'], name);
  let rule: ((...args: unknown[]) => unknown) | undefined;
  const apply = (...all: A): R => {
    const push = rule;
    if (push === undefined) throw noRule(name, 'defjvp');
    const positions = nondifferentiable(name, options, all.length);
    const args = all.filter((_arg, i) => !positions.includes(i));
    const parts: Parts = {
      name,
      primal: (own, fixed) => call(fn as Callable<unknown[]>, ...mergeArguments(positions, fixed, own)),
      push: (primals, tangents, fixed) => push(...fixed, primals, tangents),
      wantsZeros: true,
    };
    return applyJvp(
      parts,
      args,
      positions.map((position) => all[position]),
    ) as R;
  };
  const custom: CustomJvp<A, R> = Object.assign(apply, {
    defjvp(given: (...args: never[]) => unknown) {
      rule = given as (...args: unknown[]) => unknown;
      return custom;
    },
    defjvps(...rules: readonly (((tangent: never, result: R, ...primals: A) => Tensor) | null)[]) {
      rule = (primals, tangents) => sumOfParts(name, fn, rules, primals as A, tangents as unknown[]);
      return custom;
    },
  });
  return markRawTransform(custom, name, fn);
}

function sumOfParts<A extends unknown[], R>(
  name: string,
  fn: Callable<A, R>,
  rules: readonly (((tangent: never, result: R, ...primals: A) => Tensor) | null)[],
  primals: A,
  tangents: readonly unknown[],
): unknown {
  if (rules.length !== primals.length) {
    throw new TransformError(
      `${name}: expected a rule (or null) for each of ${primals.length} argument(s) in \`defjvps\`, got ${rules.length}.`,
      { op: name },
    );
  }
  const result: unknown = call(fn, ...primals);
  if (!(result instanceof Tensor)) {
    throw new TransformError(
      `${name}: expected a function that returns one tensor for \`defjvps\`, got ${describeValue(result)}. Use \`defjvp\`.`,
      { op: name },
    );
  }
  const parts = rules.flatMap((rule, i) => {
    const tangent = tangents[i];
    if (rule === null || !(tangent instanceof Tensor)) return [];
    return [rule(tangent as never, result as R, ...primals)];
  });
  const [first, ...rest] = parts;
  return [result, first === undefined ? null : rest.reduce((sum, part) => sum.add(part), first)];
}
