import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { Tensor } from '../tensor/tensor';
import { describe } from '../tree';
import {
  requireFunction,
  requireNumber,
  requireState,
  requireTransformation,
  type ExtraArguments,
  type GradientTransformation,
  type State,
} from './base';
import { selectTree, zeroTree } from './select';
import { countFor, flagFor, increment, Updates } from './updates';

/** From the count of steps before, int32[], and what was asked for of the extra arguments to a boolean, bool[]. */
export type Condition = (step: Tensor, extra: ExtraArguments) => Tensor;

export interface ConditionalOptions {
  /** Whether the condition sees the extra arguments of `update`; false unless given. */
  readonly forwardExtraArgs?: boolean | undefined;
}

/**
 * Applies a transformation in the steps in which a condition holds; in others, updates and state pass as they are.
 *
 * The state is `{ innerState, step }`.
 *
 * @see optax.conditionally_transform.
 */
export function conditionallyTransform(
  inner: GradientTransformation,
  shouldTransformFn: Condition,
  options: ConditionalOptions = {},
): GradientTransformation {
  return conditionally(
    'optim.conditionallyTransform',
    inner,
    shouldTransformFn,
    options,
    (updates) => updates,
  );
}

/**
 * As `conditionallyTransform`, with zeros as the updates of the other steps.
 *
 * @see optax.conditionally_mask.
 */
export function conditionallyMask(
  inner: GradientTransformation,
  shouldTransformFn: Condition,
  options: ConditionalOptions = {},
): GradientTransformation {
  return conditionally('optim.conditionallyMask', inner, shouldTransformFn, options, zeroTree);
}

function requireFlag(value: unknown, op: string): void {
  if (value instanceof Tensor && value.dtype === 'bool' && value.ndim === 0) return;
  const got = value instanceof Tensor ? `${value.dtype}[${value.shape.join()}]` : describe(value);
  throw new ArgumentError(`${op}: expected the condition to return bool[], got ${got}.`, { op });
}

function conditionally(
  op: string,
  inner: GradientTransformation,
  condition: Condition,
  options: ConditionalOptions,
  otherwise: <T>(updates: T) => T,
): GradientTransformation {
  requireOptions(options, ['forwardExtraArgs'], op);
  requireTransformation(inner, 'the first argument', op);
  requireFunction('the condition', condition, op);
  return {
    init: (params) => ({ innerState: inner.init(params), step: countFor(params) }),
    update(updates, state, params, extra) {
      const { innerState, step } = requireState(state, ['innerState', 'step'], op);
      const holds = condition(step as Tensor, options.forwardExtraArgs === true ? (extra ?? {}) : {});
      requireFlag(holds, op);
      const [changed, next] = inner.update(updates, innerState as State, params, extra);
      const after = { innerState: selectTree(holds, next, innerState), step: increment(step as Tensor) };
      return [selectTree(holds, changed, otherwise(updates)), after];
    },
  };
}

/**
 * Leaves out steps whose updates are not finite: they become zeros, and the inner state stays, but for more than a
 * number of such steps in a row, which count as they are.
 *
 * The state is `{ notfiniteCount, lastFinite, totalNotfinite, innerState }`.
 *
 * @param inner  The optimiser.
 * @param maxConsecutiveErrors  How many steps in a row may be left out.
 * @throws ERR_ARGUMENT unless that is an integer from 0 on.
 * @see optax.apply_if_finite.
 */
export function applyIfFinite(
  inner: GradientTransformation,
  maxConsecutiveErrors: number,
): GradientTransformation {
  const op = 'optim.applyIfFinite';
  requireTransformation(inner, 'the first argument', op);
  requireNumber('maxConsecutiveErrors', maxConsecutiveErrors, op, { atLeast: 0, isInteger: true });
  const names = ['notfiniteCount', 'lastFinite', 'totalNotfinite', 'innerState'] as const;
  return {
    init: (params) => ({
      notfiniteCount: countFor(params),
      lastFinite: flagFor(params, true),
      totalNotfinite: countFor(params),
      innerState: inner.init(params),
    }),
    update(updates, state, params, extra) {
      const before = requireState(state, names, op);
      const flags = new Updates(updates, op).tensors.map((t) => t.isfinite().all());
      const isFinite = flags.reduce(
        (both, flag) => both.logicalAnd(flag),
        (before.lastFinite as Tensor).logicalOr(1),
      );
      const notfiniteCount = increment(before.notfiniteCount as Tensor).maskedFill(isFinite, 0);
      const applies = isFinite.logicalOr(notfiniteCount.gt(maxConsecutiveErrors));
      const [changed, next] = inner.update(updates, before.innerState as State, params, extra);
      const total = before.totalNotfinite as Tensor;
      const after = {
        notfiniteCount,
        lastFinite: isFinite,
        totalNotfinite: isFinite.where(total, increment(total)),
        innerState: selectTree(applies, next, before.innerState),
      };
      return [selectTree(applies, changed, zeroTree(updates)), after];
    },
  };
}
