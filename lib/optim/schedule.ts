import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { full, pow, to, where } from '../ops';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
import { describe } from '../tree';
import {
  requireFlags,
  requireFunction,
  requireGiven,
  requireNumbers,
  requireNumber,
  type Schedule,
  type StepSchedule,
} from './base';
import type { Scalar } from './scalar';

/**
 * The same value in every step.
 *
 * @see optax.constant_schedule.
 */
export function constantSchedule(value: Scalar): StepSchedule {
  requireNumber('value', value, 'optim.constantSchedule');
  return (count) => {
    requireCount(count, 'optim.constantSchedule');
    return value;
  };
}

/** @throws ERR_ARGUMENT unless a count of steps is a number or a tensor; ERR_DISPOSED. */
function requireCount(count: unknown, op: string): void {
  if (count instanceof Tensor) handleOf(count, op);
  else requireNumber('the count of steps', count, op);
}

/** The count as a float32 tensor. */
export function countOf(count: number | Tensor, op: string): Tensor {
  requireCount(count, op);
  return count instanceof Tensor ? to(count, 'float32') : full([], count, { dtype: 'float32' });
}

/** a where a condition holds, else b; both may be numbers. */
export function either(condition: Tensor, a: Scalar, b: Scalar): Tensor {
  const { device } = condition;
  const made = (value: Scalar): Tensor =>
    value instanceof Tensor ? value : full([], value, { dtype: 'float32', device });
  return where(condition, made(a), made(b));
}

/** start + (end - start) · part. */
export function between(start: Scalar, end: Scalar, part: Tensor): Tensor {
  const span =
    start instanceof Tensor ? start.sub(end) : end instanceof Tensor ? end.rsub(start) : start - end;
  return part.mul(span).add(end);
}

/**
 * From one value to another along a power of the part of the way that is left.
 *
 * @param initValue  The value until `transitionBegin`.
 * @param endValue  The value from `transitionSteps` later on.
 * @param power  The exponent.
 * @param transitionSteps  How many steps the way takes; with 0 or less the first value stays.
 * @param transitionBegin  The step before which nothing changes; 0 unless given.
 * @throws ERR_ARGUMENT for steps that are no integers.
 * @see optax.polynomial_schedule.
 */
export function polynomialSchedule(
  initValue: Scalar,
  endValue: Scalar,
  power: Scalar,
  transitionSteps: number,
  transitionBegin = 0,
): StepSchedule {
  return polynomial('optim.polynomialSchedule', initValue, endValue, power, transitionSteps, transitionBegin);
}

/**
 * From one value to another in equal steps.
 *
 * @throws as `polynomialSchedule`.
 * @see optax.linear_schedule.
 */
export function linearSchedule(
  initValue: Scalar,
  endValue: Scalar,
  transitionSteps: number,
  transitionBegin = 0,
): StepSchedule {
  return polynomial('optim.linearSchedule', initValue, endValue, 1, transitionSteps, transitionBegin);
}

function polynomial(
  op: string,
  initValue: Scalar,
  endValue: Scalar,
  power: Scalar,
  steps: number,
  begin: number,
): StepSchedule {
  requireGiven({ initValue, endValue, power }, op);
  requireNumber('transitionSteps', steps, op);
  requireNumber('transitionBegin', begin, op);
  if (steps <= 0) return constantSchedule(initValue);
  const start = Math.max(begin, 0);
  return (count) => {
    const left = countOf(count, op).sub(start).clamp(0, steps).div(steps).rsub(1);
    return between(initValue, endValue, power === 1 ? left : pow(left, power as number));
  };
}

export interface ExponentialDecayOptions {
  /** The step before which nothing changes; 0 unless given. */
  readonly transitionBegin?: number | undefined;
  /** Whether the value changes in whole transitions only; false unless given. */
  readonly staircase?: boolean | undefined;
  /** The value beyond which it does not go: the least one for a decay rate below 1, else the largest. */
  readonly endValue?: Scalar | undefined;
}

/** The names of the options. */
export const exponentialDecayOptions = ['transitionBegin', 'staircase', 'endValue'];

/**
 * Multiplies by a rate once in every so many steps, and smoothly in between.
 *
 * @param initValue  The first value.
 * @param transitionSteps  How many steps one multiplication takes; with 0 or less the first value stays.
 * @param decayRate  The rate; with 0 the first value stays.
 * @throws ERR_ARGUMENT for steps or a rate that are no numbers.
 * @see optax.exponential_decay.
 */
export function exponentialDecay(
  initValue: Scalar,
  transitionSteps: number,
  decayRate: number,
  options: ExponentialDecayOptions = {},
): StepSchedule {
  const op = 'optim.exponentialDecay';
  requireOptions(options, exponentialDecayOptions, op);
  requireGiven({ initValue, transitionSteps, decayRate }, op);
  const { transitionBegin = 0, staircase = false, endValue } = options;
  requireNumbers({ transitionBegin, endValue }, op);
  requireFlags({ staircase }, op);
  if (transitionSteps <= 0 || decayRate === 0) return constantSchedule(initValue);
  const start = Math.max(transitionBegin, 0);
  return (count) => {
    const since = countOf(count, op).sub(start);
    const exponent = staircase ? since.div(transitionSteps).floor() : since.div(transitionSteps);
    const decayed = either(since.le(0), initValue, pow(decayRate, exponent).mul(initValue));
    if (endValue === undefined) return decayed;
    if (endValue instanceof Tensor)
      return decayRate < 1 ? decayed.maximum(endValue) : decayed.minimum(endValue);
    return decayRate < 1 ? decayed.clampMin(endValue) : decayed.clampMax(endValue);
  };
}

export interface CosineDecayOptions {
  /** The part of the first value that stays in the end; 0 unless given. */
  readonly alpha?: number | undefined;
  /** The exponent of the cosine; 1 unless given. */
  readonly exponent?: number | undefined;
}

/**
 * Down along half a cosine.
 *
 * @param initValue  The first value.
 * @param decaySteps  How many steps it takes.
 * @throws ERR_ARGUMENT unless `decaySteps` is above 0.
 * @see optax.cosine_decay_schedule; Loshchilov and Hutter 2017, arXiv:1608.03983.
 */
export function cosineDecaySchedule(
  initValue: Scalar,
  decaySteps: number,
  options: CosineDecayOptions = {},
): StepSchedule {
  return cosineDecay('optim.cosineDecaySchedule', initValue, decaySteps, options);
}

/** `cosineDecaySchedule` in the name of another schedule. */
export function cosineDecay(
  op: string,
  initValue: Scalar,
  decaySteps: number,
  options: CosineDecayOptions,
): StepSchedule {
  requireOptions(options, ['alpha', 'exponent'], op);
  const { alpha = 0, exponent = 1 } = options;
  requireNumbers({ alpha, exponent }, op);
  requireNumber('initValue', initValue, op);
  requireNumber('decaySteps', decaySteps, op);
  if (!(decaySteps > 0)) {
    throw new ArgumentError(`${op}: expected a number of steps to decay above 0, got ${decaySteps}.`, { op });
  }
  return (count) => {
    const half = countOf(count, op).clampMax(decaySteps).mul(Math.PI).div(decaySteps).cos().add(1).mul(0.5);
    const cosine = exponent === 1 ? half : half.pow(exponent);
    return cosine
      .mul(1 - alpha)
      .add(alpha)
      .mul(initValue);
  };
}

/**
 * One schedule after another, each counting from its own beginning.
 *
 * @param schedules  The schedules.
 * @param boundaries  The step at which each but the first begins.
 * @throws ERR_ARGUMENT unless there is one boundary less than schedules.
 * @see optax.join_schedules.
 */
export function joinSchedules(schedules: readonly Schedule[], boundaries: readonly number[]): StepSchedule {
  const op = 'optim.joinSchedules';
  if (![schedules, boundaries].every((list: unknown) => Array.isArray(list))) {
    throw new ArgumentError(
      `${op}: expected an array of schedules and one of boundaries, got ${describe(schedules)} and ${describe(boundaries)}.`,
      { op },
    );
  }
  schedules.forEach((schedule, i) => {
    requireFunction(`schedules[${i}]`, schedule, op);
  });
  boundaries.forEach((boundary, i) => {
    requireNumber(`boundaries[${i}]`, boundary, op);
  });
  const [first, ...others] = schedules;
  if (first === undefined || boundaries.length !== others.length) {
    throw new ArgumentError(
      `${op}: expected one boundary less than schedules, got ${schedules.length} schedules and ${boundaries.length} boundaries.`,
      { op },
    );
  }
  return (count) => {
    requireCount(count, op);
    const step = count instanceof Tensor ? count : full([], count, { dtype: 'int32' });
    return others.reduce((value: Scalar, schedule, i) => {
      const boundary = boundaries[i]!;
      return either(step.lt(boundary), value, schedule(step.sub(boundary)));
    }, first(step));
  };
}
