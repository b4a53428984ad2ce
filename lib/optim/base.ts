import { dtypeInfo, isDType } from '../base/dtype';
import { ArgumentError, DtypeError, TreeError } from '../base/errors';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
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
   * @param extra  What else some steps need, by name.
   * @returns The updates, with the structure of the gradients, and the next state.
   * @throws ERR_TREE if the trees do not fit; ERR_ARGUMENT, with the path, for gradients that are neither tensors nor
   *   null, and for missing parameters.
   */
  update<T>(
    updates: T,
    state: State,
    params?: unknown,
    extra?: ExtraArguments,
  ): readonly [updates: T, state: State];
}

/**
 * What some transformations need besides the parameters, by name: `value`, `grad`, `valueFn`. `chain` and the wrappers
 * hand it to all.
 *
 * @see optax.GradientTransformationExtraArgs.
 */
export type ExtraArguments = Readonly<Record<string, unknown>>;

/** A value that depends on the number of steps made before: int32[], 0 in the first step. */
export type Schedule = (count: Tensor) => number | Tensor;

/** A schedule of this module, which also takes the count as a number. */
export type StepSchedule = (count: number | Tensor) => number | Tensor;

/** A number, a tensor of no axes, or a schedule. */
export type ScalarOrSchedule = number | Tensor | Schedule;

/** The state of steps that have none. */
const emptyState: State = Object.freeze({});

/**
 * A transformation without state, from what its `update` does.
 *
 * @param update  From the updates and the parameters to the updates.
 * @throws ERR_ARGUMENT if that is no function.
 * @see optax.stateless.
 */
export function stateless(
  update: <T>(updates: T, params: unknown, extra?: ExtraArguments) => T,
): GradientTransformation {
  requireFunction('update', update, 'optim.stateless');
  return {
    init: () => emptyState,
    update: (updates, state, params, extra) => [update(updates, params, extra), state],
  };
}

/**
 * The parameters that an `update` was given.
 *
 * @throws ERR_ARGUMENT if it was given none.
 */
export function requireParams(params: unknown, op: string): unknown {
  if (params !== undefined && params !== null) return params;
  throw new ArgumentError(
    `${op}: expected the parameters as the third argument of update, got ${String(params)}. Call update(grads, state, model).`,
    { op },
  );
}

/**
 * Checks a value to be a gradient transformation.
 *
 * @param name  What the value is to the caller, for the error.
 * @throws ERR_ARGUMENT.
 */
export function requireTransformation(value: unknown, name: string, op: string): GradientTransformation {
  const { init, update } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (typeof init === 'function' && typeof update === 'function') return value as GradientTransformation;
  throw new ArgumentError(
    `${op}: expected ${name} to be a gradient transformation, got ${describe(value)}.`,
    {
      op,
    },
  );
}

/** @throws ERR_ARGUMENT unless a number lies in a range, and for tensors with axes, which are not read; ERR_DISPOSED. */
export function requireNumber(
  name: string,
  value: unknown,
  op: string,
  range: { readonly atLeast?: number; readonly isInteger?: boolean } = {},
): void {
  const { atLeast = -Infinity, isInteger = false } = range;
  if (value instanceof Tensor) {
    handleOf(value, op);
    if (value.ndim === 0) return;
    throw new ArgumentError(
      `${op}: expected ${name} to be a number or a tensor of no axes, got ${value.dtype}[${value.shape.join()}].`,
      { op },
    );
  }
  if (typeof value === 'number' && value >= atLeast && (!isInteger || Number.isInteger(value))) return;
  const kind = isInteger ? 'an integer' : 'a number';
  const bound = atLeast === -Infinity ? '' : ` from ${atLeast} on`;
  throw new ArgumentError(
    `${op}: expected ${name} to be ${kind}${bound}, got ${typeof value === 'number' ? value : describe(value)}.`,
    { op },
  );
}

/** As `requireNumber`, for several settings by name; those that are undefined or null are not given. */
export function requireNumbers(
  settings: Readonly<Record<string, unknown>>,
  op: string,
  range: { readonly atLeast?: number; readonly isInteger?: boolean } = {},
): void {
  for (const [name, value] of Object.entries(settings)) {
    if (value !== undefined && value !== null) requireNumber(name, value, op, range);
  }
}

/** As `requireNumber`, for several settings by name, all of which must be given. */
export function requireGiven(settings: Readonly<Record<string, unknown>>, op: string): void {
  for (const [name, value] of Object.entries(settings)) requireNumber(name, value, op);
}

/** @throws ERR_ARGUMENT unless settings that are given are booleans. */
export function requireFlags(settings: Readonly<Record<string, unknown>>, op: string): void {
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined || typeof value === 'boolean') continue;
    throw new ArgumentError(`${op}: expected ${name} to be true or false, got ${describe(value)}.`, { op });
  }
}

/** @throws ERR_DTYPE unless settings that are given are real or complex floating-point dtypes. */
export function requireDtypes(settings: Readonly<Record<string, unknown>>, op: string): void {
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined || (isDType(value) && ['float', 'complex'].includes(dtypeInfo(value).kind)))
      continue;
    const got = typeof value === 'string' ? value : describe(value);
    throw new DtypeError(`${op}: expected ${name} to be a floating-point or complex dtype, got ${got}.`, {
      op,
    });
  }
}

/** @throws ERR_ARGUMENT unless a value is a function. */
export function requireFunction(name: string, value: unknown, op: string): void {
  if (typeof value === 'function') return;
  throw new ArgumentError(`${op}: expected ${name} to be a function, got ${describe(value)}.`, { op });
}

/** @throws ERR_ARGUMENT unless a setting is a number, a tensor of no axes or a schedule; ERR_DISPOSED if it is gone. */
export function requireScalarOrSchedule(name: string, value: unknown, op: string): void {
  if (typeof value === 'function' || (typeof value === 'number' && Number.isFinite(value))) return;
  if (value instanceof Tensor) {
    handleOf(value, op);
    if (value.ndim === 0) return;
  }
  const got =
    value instanceof Tensor
      ? `${value.dtype}[${value.shape.join()}]`
      : typeof value === 'number'
        ? String(value)
        : describe(value);
  throw new ArgumentError(
    `${op}: expected ${name} to be a finite number, a tensor of no axes or a schedule, got ${got}.`,
    { op },
  );
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
