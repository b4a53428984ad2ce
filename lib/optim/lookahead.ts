import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { where } from '../ops';
import { Tensor } from '../tensor/tensor';
import { describe, isPlainObject } from '../tree';
import {
  requireNumber,
  requireState,
  requireTransformation,
  type GradientTransformation,
  type State,
} from './base';
import { kept } from './scalar';
import { selectTree } from './select';
import { countFor, Updates } from './updates';

/** The parameters that an optimiser moves, and those that follow them. */
export interface LookaheadParams<T> {
  readonly fast: T;
  readonly slow: T;
}

/**
 * The parameters for `lookahead`, both the same.
 *
 * @see optax.LookaheadParams.init_synced.
 */
export function lookaheadParams<T>(params: T): LookaheadParams<T> {
  return { fast: params, slow: params };
}

/** What `lookahead` makes: its gradients are those of the fast parameters, its updates are for both. */
export interface Lookahead {
  init(params: LookaheadParams<unknown>): State;
  update<T>(
    updates: T,
    state: State,
    params: LookaheadParams<T>,
  ): readonly [updates: LookaheadParams<T>, state: State];
}

/**
 * Lets an optimiser move fast parameters; every few steps, slow ones go a part of the way after them, and the fast ones
 * return there.
 *
 * The state is `{ fastState, stepsSinceSync }`.
 *
 * @param fastOptimiser  The optimiser of the fast parameters.
 * @param syncPeriod  After how many steps the slow ones follow.
 * @param slowStepSize  Which part of the way they go.
 * @param options  `resetState`: whether the optimiser's state begins anew then; false unless given.
 * @throws ERR_ARGUMENT unless the period is an integer from 1 on; in `init` and `update`, unless the parameters are
 *   `{ fast, slow }`.
 * @see optax.lookahead; Zhang et al. 2019, arXiv:1907.08610.
 */
export function lookahead(
  fastOptimiser: GradientTransformation,
  syncPeriod: number,
  slowStepSize: number,
  options: { readonly resetState?: boolean | undefined } = {},
): Lookahead {
  const op = 'optim.lookahead';
  requireOptions(options, ['resetState'], op);
  requireTransformation(fastOptimiser, 'the first argument', op);
  requireNumber('syncPeriod', syncPeriod, op, { atLeast: 1, isInteger: true });
  requireNumber('slowStepSize', slowStepSize, op);
  return {
    init(params) {
      const { fast } = requireBoth(params, op);
      return { fastState: fastOptimiser.init(fast), stepsSinceSync: countFor(fast) };
    },
    update(updates, state, params) {
      const { fast, slow } = requireBoth(params, op);
      const { fastState, stepsSinceSync } = requireState(state, ['fastState', 'stepsSinceSync'], op);
      const [changed, next] = fastOptimiser.update(updates, fastState as State, fast);
      const count = stepsSinceSync as Tensor;
      const isSynced = count.eq(syncPeriod - 1);
      const step = (update: Tensor, ...[quick, late]: Tensor[]): readonly Tensor[] => {
        const distance = quick!.add(update).sub(late!).maskedFill(isSynced.logicalNot(), 0);
        return [update.sub(distance, { alpha: 1 - slowStepSize }), distance.mul(slowStepSize)];
      };
      const [quickUpdates, lateUpdates] = new Updates(changed, op).mapToSeveral(step, { fast, slow });
      const after = options.resetState === true ? selectTree(isSynced, fastOptimiser.init(fast), next) : next;
      return [
        { fast: quickUpdates, slow: lateUpdates ?? quickUpdates } as LookaheadParams<typeof updates>,
        { fastState: after, stepsSinceSync: count.add(1).remainder(syncPeriod) },
      ];
    },
  };
}

function requireBoth<T>(params: LookaheadParams<T>, op: string): LookaheadParams<T> {
  if (isPlainObject(params) && 'fast' in params && 'slow' in params) return params;
  throw new ArgumentError(
    `${op}: expected parameters {fast, slow}. Make them with optim.lookaheadParams(model).`,
    {
      op,
    },
  );
}

/**
 * Moves old parameters a part of the way to new ones: stepSize · new + (1 - stepSize) · old.
 *
 * @returns A tree like `newTensors`.
 * @see optax.incremental_update, for target networks and Polyak averages.
 */
export function incrementalUpdate<T>(newTensors: T, oldTensors: unknown, stepSize: number): T {
  const op = 'optim.incrementalUpdate';
  requireNumber('stepSize', stepSize, op);
  return new Updates(newTensors, op, { allowsIntegers: true }).map(
    (recent, old) => recent.mul(stepSize).add(old, { alpha: 1 - stepSize }),
    {
      oldTensors,
    },
  );
}

/**
 * New parameters in every step whose count is a multiple of a period, old ones in between.
 *
 * @param steps  The count, int32[].
 * @returns A tree like `oldTensors`.
 * @throws ERR_ARGUMENT unless the period is an integer from 1 on; ERR_TREE, ERR_SHAPE if the trees do not fit.
 * @see optax.periodic_update.
 */
export function periodicUpdate<T>(newTensors: T, oldTensors: T, steps: Tensor, updatePeriod: number): T {
  const op = 'optim.periodicUpdate';
  requireNumber('updatePeriod', updatePeriod, op, { atLeast: 1, isInteger: true });
  if (!((steps as unknown) instanceof Tensor)) {
    throw new ArgumentError(`${op}: expected steps to be a tensor int32[], got ${describe(steps)}.`, { op });
  }
  const isDue = steps.remainder(updatePeriod).eq(0);
  const choose = (old: Tensor, recent: Tensor): Tensor => where(isDue, kept(recent, old.dtype), old);
  return new Updates(oldTensors, op, { allowsIntegers: true }).map(choose, { newTensors });
}
