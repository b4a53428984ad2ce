import { TreeError } from '../base/errors';
import type { Tensor } from '../tensor/tensor';
import { describe, isPlainObject } from '../tree';

/** What an optimiser keeps between steps: a tree, made by `init` and replaced by every `update`. */
export type State = readonly State[] | Readonly<Record<string, unknown>>;

/**
 * One step of an optimiser, or all of it: turns gradients into updates, which `applyUpdates` adds to the model.
 *
 * Nothing changes in place, and no value is read: `update` belongs inside `filterJit`.
 *
 * @see optax.GradientTransformation.
 */
export interface GradientTransformation {
  /**
   * @param params  The tree of parameters. Only its tensors of floating-point or complex dtype count, so that an
   *   unfiltered model may be given, too.
   * @returns The state before the first step.
   */
  init(params: unknown): State;
  /**
   * @param updates  The gradients, or what the step before made of them; null where there is none.
   * @param state  What `init` or the last `update` returned.
   * @param params  The parameters, for the steps that need them: a tree of which `updates` is a prefix.
   * @returns The updates, with the structure of the gradients, and the next state.
   * @throws ERR_TREE if the trees do not fit; ERR_ARGUMENT, with the path, for gradients that are neither tensors nor
   *   null, and for missing parameters.
   */
  update<T>(updates: T, state: State, params?: unknown): readonly [updates: T, state: State];
}

/** A value that depends on the number of steps made before: int32[], 0 in the first step. */
export type Schedule = (count: Tensor) => number | Tensor;

/** A number, a tensor of no axes, or a schedule. */
export type ScalarOrSchedule = number | Tensor | Schedule;

/** The state of steps that have none. */
const emptyState: State = Object.freeze({});

/** A transformation without state, from what its `update` does. */
export function stateless(update: <T>(updates: T, params: unknown) => T): GradientTransformation {
  return {
    init: () => emptyState,
    update: (updates, state, params) => [update(updates, params), state],
  };
}

/**
 * Leaves updates as they are.
 *
 * @see optax.identity.
 */
export function identity(): GradientTransformation {
  return stateless((updates) => updates);
}

/**
 * A state as the object that `init` made.
 *
 * @throws ERR_TREE if it lacks one of its parts.
 */
export function requireState<N extends string>(
  state: State,
  names: readonly N[],
  op: string,
): Readonly<Record<N, unknown>> {
  if (isPlainObject(state) && names.every((name) => Object.hasOwn(state, name))) {
    return state;
  }
  throw new TreeError(
    `${op}: expected a state {${names.join(', ')}}, got ${describe(state)}. Pass what init or the last update returned.`,
    { op },
  );
}
