import type { DType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { stack } from '../ops';
import { Tensor } from '../tensor/tensor';
import { describe } from '../tree';
import {
  requireFunction,
  requireNumber,
  requireState,
  requireTransformation,
  type GradientTransformation,
  type State,
} from './base';
import { kept, sumOfSquares } from './scalar';
import { selectTree, zeroUnless } from './select';
import { countFor, increment, Updates, zerosFor } from './updates';

/**
 * Decides whether gradients are left out: from the updates, the count of steps and the parameters to a boolean of no
 * axes, and anything that the state should keep of it.
 */
export type ShouldSkipUpdate = (
  updates: unknown,
  gradientStep: Tensor,
  params: unknown,
) => readonly [shouldSkip: Tensor, skipState: unknown];

export interface MultiStepsOptions {
  /** Whether to take the mean of the gradients, and not their sum; true unless given. */
  readonly useGradMean?: boolean | undefined;
  /** Which gradients to leave out; none unless given. */
  readonly shouldSkipUpdateFn?: ShouldSkipUpdate | undefined;
  /** The dtype in which gradients are added up; float32 unless given. */
  readonly accumulatorDtype?: DType | undefined;
}

/** What `multiSteps` makes. */
export interface MultiSteps extends GradientTransformation {
  /** Whether the step that made a state emitted updates: bool[]. */
  hasUpdated(state: State): Tensor;
}

/**
 * Collects the gradients of k steps and lets an optimiser step by their mean: as with batches k times as large.
 *
 * The state is `{ miniStep, gradientStep, innerOptState, accGrads, skipState }`. In between, updates are zeros.
 *
 * @param optimiser  The optimiser.
 * @param everyK  k: a number, or a function of the count of steps that the optimiser made, int32[].
 * @throws ERR_ARGUMENT if k is no integer from 1 on.
 * @see optax.MultiSteps.
 */
export function multiSteps(
  optimiser: GradientTransformation,
  everyK: number | ((gradientStep: Tensor) => number | Tensor),
  options: MultiStepsOptions = {},
): MultiSteps {
  const op = 'optim.multiSteps';
  requireOptions(options, ['useGradMean', 'shouldSkipUpdateFn', 'accumulatorDtype'], op);
  requireTransformation(optimiser, 'the optimiser', op);
  if (typeof everyK !== 'function') requireNumber('everyK', everyK, op, { atLeast: 1, isInteger: true });
  if (options.shouldSkipUpdateFn !== undefined)
    requireFunction('shouldSkipUpdateFn', options.shouldSkipUpdateFn, op);
  const { useGradMean = true, shouldSkipUpdateFn, accumulatorDtype = 'float32' } = options;
  const names = ['miniStep', 'gradientStep', 'innerOptState', 'accGrads', 'skipState'] as const;
  return {
    init(params) {
      const gradientStep = countFor(params);
      const skipState = shouldSkipUpdateFn?.(zerosFor(params), gradientStep, params)[1] ?? [];
      return {
        miniStep: countFor(params),
        gradientStep,
        innerOptState: optimiser.init(params),
        accGrads: zerosFor(params, accumulatorDtype),
        skipState,
      };
    },
    update(updates, state, params, extra) {
      const before = requireState(state, names, op);
      const miniStep = before.miniStep as Tensor;
      const gradientStep = before.gradientStep as Tensor;
      const k = typeof everyK === 'function' ? everyK(gradientStep) : everyK;
      requireNumber('the value of everyK', k, op, { atLeast: 1, isInteger: true });
      const skip = shouldSkipUpdateFn?.(updates, gradientStep, params);
      if (skip !== undefined) requireFlag(skip[0], op);

      const collect = (update: Tensor, sum: Tensor): readonly Tensor[] => {
        const next = useGradMean ? sum.add(update.sub(sum).div(miniStep.add(1))) : sum.add(update);
        return [kept(next, update.dtype), kept(next, accumulatorDtype)];
      };
      const all = new Updates(updates, op);
      const { accGrads, innerOptState } = before;
      const [gradients, sums = accGrads] = all.mapToSeveral(collect, { accGrads });
      const [changed, innerNext] = optimiser.update(gradients, innerOptState as State, params, extra);

      const reached = k instanceof Tensor ? miniStep.eq(k.sub(1)) : miniStep.eq(k - 1);
      const emits = skip === undefined ? reached : reached.logicalAnd(skip[0].logicalNot());
      const nextMini = increment(miniStep).remainder(k as Tensor);
      const next = {
        miniStep: kept(nextMini, 'int32'),
        gradientStep: emits.where(increment(gradientStep), gradientStep),
        innerOptState: selectTree(emits, innerNext, innerOptState),
        accGrads: zeroUnless(reached.logicalNot(), sums),
        skipState: skip === undefined ? before.skipState : skip[1],
      };
      if (skip !== undefined) {
        next.miniStep = skip[0].where(miniStep, next.miniStep);
        next.accGrads = selectTree(skip[0], accGrads, next.accGrads);
      }
      return [zeroUnless(emits, changed) as typeof updates, next];
    },
    hasUpdated(state) {
      const { miniStep, gradientStep } = requireState(state, names, op);
      return (miniStep as Tensor).eq(0).logicalAnd((gradientStep as Tensor).gt(0));
    },
  };
}

function requireFlag(value: unknown, op: string): void {
  if (value instanceof Tensor && value.dtype === 'bool' && value.ndim === 0) return;
  throw new ArgumentError(
    `${op}: expected shouldSkipUpdateFn to return [bool[], state], got ${describe(value)} as the first.`,
    { op },
  );
}

/**
 * Leaves out gradients that are not finite, in `multiSteps`. The state is `{ shouldSkip, numNotFinite }`.
 *
 * @see optax.skip_not_finite.
 */
export const skipNotFinite: ShouldSkipUpdate = (updates) => {
  const counts = new Updates(updates, 'optim.skipNotFinite').tensors.map((t) =>
    t.isfinite().logicalNot().sum(),
  );
  const numNotFinite = kept(total(counts, 'optim.skipNotFinite'), 'int32');
  const shouldSkip = numNotFinite.gt(0);
  return [shouldSkip, { shouldSkip, numNotFinite }];
};

/**
 * Makes a function that leaves out gradients whose squared norm is not below a limit, in `multiSteps`. The state is
 * `{ shouldSkip, normSquared }`.
 *
 * @see optax.skip_large_updates.
 */
export function skipLargeUpdates(maxSquaredNorm: number): ShouldSkipUpdate {
  return (updates) => {
    const squares = new Updates(updates, 'optim.skipLargeUpdates').tensors.map(sumOfSquares);
    const normSquared = total(squares, 'optim.skipLargeUpdates');
    const shouldSkip = normSquared.lt(maxSquaredNorm).logicalNot();
    return [shouldSkip, { shouldSkip, normSquared }];
  };
}

function total(parts: readonly Tensor[], op: string): Tensor {
  if (parts.length > 0) return stack(parts).sum();
  throw new ArgumentError(`${op}: expected at least one tensor among the updates, got none.`, { op });
}
