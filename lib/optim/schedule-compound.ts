import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { Tensor } from '../tensor/tensor';
import { describe, isPlainObject } from '../tree';
import { requireGiven, requireNumbers, requireNumber, type StepSchedule } from './base';
import type { Scalar } from './scalar';
import {
  between,
  cosineDecay,
  countOf,
  either,
  exponentialDecay,
  exponentialDecayOptions,
  joinSchedules,
  linearSchedule,
  type ExponentialDecayOptions,
} from './schedule';

/** For each step from which it holds the factor by which the value changes. */
export type BoundariesAndScales = Readonly<Record<number, number>>;

/**
 * A value that is multiplied by a factor at each of several steps.
 *
 * @param initValue  The first value.
 * @param boundariesAndScales  The factors.
 * @throws ERR_ARGUMENT for a negative factor, or a step that is no number.
 * @see optax.piecewise_constant_schedule.
 */
export function piecewiseConstantSchedule(
  initValue: Scalar,
  boundariesAndScales: BoundariesAndScales = {},
): StepSchedule {
  const op = 'optim.piecewiseConstantSchedule';
  requireNumber('initValue', initValue, op);
  const pieces = sorted(boundariesAndScales, op);
  return (count) => {
    const step = countOf(count, op);
    return pieces.reduce((value: Scalar, [boundary, factor]) => {
      const next = value instanceof Tensor ? value.mul(factor) : value * factor;
      return either(step.lt(boundary), value, next);
    }, initValue);
  };
}

/**
 * A value that moves to a multiple of itself until each of several steps.
 *
 * @param interpolateType  How it moves there: 'linear' or 'cosine'.
 * @param initValue  The first value.
 * @param boundariesAndScales  For each step the factor by which the value before is multiplied until then.
 * @throws ERR_ARGUMENT for another type, a negative factor, or a step that is no number.
 * @see optax.piecewise_interpolate_schedule.
 */
export function piecewiseInterpolateSchedule(
  interpolateType: 'linear' | 'cosine',
  initValue: number,
  boundariesAndScales: BoundariesAndScales = {},
): StepSchedule {
  return interpolated('optim.piecewiseInterpolateSchedule', interpolateType, initValue, boundariesAndScales);
}

function interpolated(
  op: string,
  interpolateType: string,
  initValue: number,
  boundariesAndScales: BoundariesAndScales,
): StepSchedule {
  if (interpolateType !== 'linear' && interpolateType !== 'cosine') {
    throw new ArgumentError(
      `${op}: expected the type 'linear' or 'cosine', got ${JSON.stringify(interpolateType)}.`,
      {
        op,
      },
    );
  }
  requireNumber('initValue', initValue, op);
  let value = initValue;
  let start = 0;
  const pieces = sorted(boundariesAndScales, op).map(([boundary, factor]) => {
    const piece = { start, end: boundary, from: value, to: value * factor };
    start = boundary;
    value = piece.to;
    return piece;
  });
  return (count) => {
    const step = countOf(count, op);
    return pieces.reduceRight((later: Scalar, piece) => {
      const part = step.sub(piece.start).div(Math.max(piece.end - piece.start, 1));
      const within =
        interpolateType === 'linear'
          ? part.mul(piece.to - piece.from).add(piece.from)
          : between(piece.from, piece.to, part.mul(Math.PI).cos().add(1).mul(0.5));
      return either(step.lt(piece.end), within, later);
    }, value);
  };
}

function sorted(boundariesAndScales: BoundariesAndScales, op: string): [boundary: number, factor: number][] {
  if (!isPlainObject(boundariesAndScales)) {
    throw new ArgumentError(
      `${op}: expected an object of factors by step, got ${describe(boundariesAndScales)}.`,
      { op },
    );
  }
  const pieces = Object.entries(boundariesAndScales).map(([boundary, factor]): [number, number] => {
    requireNumber('a factor', factor, op, { atLeast: 0 });
    requireNumber('a boundary', Number(boundary), op);
    return [Number(boundary), factor];
  });
  return pieces.sort(([a], [b]) => a - b);
}

export interface LinearOnecycleOptions {
  /** Which part of the steps goes up; 0.3 unless given. */
  readonly pctStart?: number | undefined;
  /** At which part of the steps it is back at the first value; 0.85 unless given. */
  readonly pctFinal?: number | undefined;
  /** The largest value over the first; 25 unless given. */
  readonly divFactor?: number | undefined;
  /** The first value over the last; 1e4 unless given. */
  readonly finalDivFactor?: number | undefined;
}

/**
 * Up to a value, back, and down, along straight lines.
 *
 * @param transitionSteps  How many steps it takes.
 * @param peakValue  The largest value.
 * @throws ERR_ARGUMENT unless the steps are above 0.
 * @see optax.linear_onecycle_schedule; Smith 2018, arXiv:1803.09820.
 */
export function linearOnecycleSchedule(
  transitionSteps: number,
  peakValue: number,
  options: LinearOnecycleOptions = {},
): StepSchedule {
  const op = 'optim.linearOnecycleSchedule';
  requireOptions(options, ['pctStart', 'pctFinal', 'divFactor', 'finalDivFactor'], op);
  const { pctStart = 0.3, pctFinal = 0.85, divFactor = 25, finalDivFactor = 1e4 } = options;
  requireNumbers({ pctStart, pctFinal, divFactor, finalDivFactor }, op);
  requireSteps(transitionSteps, op);
  requireNumber('peakValue', peakValue, op);
  return interpolated(op, 'linear', peakValue / divFactor, {
    [Math.trunc(pctStart * transitionSteps)]: divFactor,
    [Math.trunc(pctFinal * transitionSteps)]: 1 / divFactor,
    [transitionSteps]: 1 / finalDivFactor,
  });
}

/**
 * Up to a value and down along half cosines.
 *
 * @param transitionSteps  How many steps it takes.
 * @param peakValue  The largest value.
 * @param options  As for `linearOnecycleSchedule`, without `pctFinal`.
 * @throws ERR_ARGUMENT unless the steps are above 0.
 * @see optax.cosine_onecycle_schedule; Smith 2018, arXiv:1803.09820.
 */
export function cosineOnecycleSchedule(
  transitionSteps: number,
  peakValue: number,
  options: Omit<LinearOnecycleOptions, 'pctFinal'> = {},
): StepSchedule {
  const op = 'optim.cosineOnecycleSchedule';
  requireOptions(options, ['pctStart', 'divFactor', 'finalDivFactor'], op);
  const { pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = options;
  requireNumbers({ pctStart, divFactor, finalDivFactor }, op);
  requireSteps(transitionSteps, op);
  requireNumber('peakValue', peakValue, op);
  return interpolated(op, 'cosine', peakValue / divFactor, {
    [Math.trunc(pctStart * transitionSteps)]: divFactor,
    [Math.trunc(transitionSteps)]: 1 / (divFactor * finalDivFactor),
  });
}

function requireSteps(steps: number, op: string): void {
  requireNumber('transitionSteps', steps, op);
  if (steps > 0) return;
  throw new ArgumentError(`${op}: expected a number of steps above 0, got ${steps}.`, { op });
}

/**
 * Up to a value, and there it stays.
 *
 * @see optax.warmup_constant_schedule.
 */
export function warmupConstantSchedule(
  initValue: Scalar,
  peakValue: Scalar,
  warmupSteps: number,
): StepSchedule {
  return linearSchedule(initValue, peakValue, warmupSteps);
}

export interface WarmupCosineOptions {
  /** The last value; 0 unless given. */
  readonly endValue?: number | undefined;
  /** The exponent of the cosine; 1 unless given. */
  readonly exponent?: number | undefined;
}

/**
 * Up to a value along a straight line, then down along half a cosine.
 *
 * @param initValue  The first value.
 * @param peakValue  The largest value.
 * @param warmupSteps  How many steps go up.
 * @param decaySteps  How many steps there are in all.
 * @throws ERR_ARGUMENT unless there are more steps in all than go up.
 * @see optax.warmup_cosine_decay_schedule.
 */
export function warmupCosineDecaySchedule(
  initValue: number,
  peakValue: number,
  warmupSteps: number,
  decaySteps: number,
  options: WarmupCosineOptions = {},
): StepSchedule {
  const op = 'optim.warmupCosineDecaySchedule';
  requireOptions(options, ['endValue', 'exponent'], op);
  const { endValue = 0, exponent } = options;
  requireGiven({ initValue, peakValue, warmupSteps, decaySteps, endValue }, op);
  const alpha = peakValue === 0 ? 0 : endValue / peakValue;
  const decay = cosineDecay(op, peakValue, decaySteps - warmupSteps, { alpha, exponent });
  return joinSchedules([linearSchedule(initValue, peakValue, warmupSteps), decay], [warmupSteps]);
}

/**
 * Up to a value along a straight line, then `exponentialDecay`.
 *
 * @param initValue  The first value.
 * @param peakValue  The largest value.
 * @param warmupSteps  How many steps go up.
 * @param transitionSteps  How many steps one multiplication takes.
 * @param decayRate  The rate.
 * @throws as `exponentialDecay`.
 * @see optax.warmup_exponential_decay_schedule.
 */
export function warmupExponentialDecaySchedule(
  initValue: Scalar,
  peakValue: Scalar,
  warmupSteps: number,
  transitionSteps: number,
  decayRate: number,
  options: ExponentialDecayOptions = {},
): StepSchedule {
  const op = 'optim.warmupExponentialDecaySchedule';
  requireOptions(options, exponentialDecayOptions, op);
  requireGiven({ initValue, peakValue, warmupSteps, transitionSteps, decayRate }, op);
  const decay = exponentialDecay(peakValue, transitionSteps, decayRate, options);
  return joinSchedules([linearSchedule(initValue, peakValue, warmupSteps), decay], [warmupSteps]);
}

/** One cycle of `sgdrSchedule`: the arguments of `warmupCosineDecaySchedule`. */
export interface CosineCycle extends WarmupCosineOptions {
  readonly initValue: number;
  readonly peakValue: number;
  readonly warmupSteps: number;
  readonly decaySteps: number;
}

/**
 * Several `warmupCosineDecaySchedule`s one after another: with warm restarts.
 *
 * @throws ERR_ARGUMENT if there is none, or as `warmupCosineDecaySchedule`.
 * @see optax.sgdr_schedule; Loshchilov and Hutter 2017, arXiv:1608.03983.
 */
export function sgdrSchedule(cycles: readonly CosineCycle[]): StepSchedule {
  const op = 'optim.sgdrSchedule';
  if (!((cycles as unknown) instanceof Array && cycles.every(isPlainObject))) {
    throw new ArgumentError(
      `${op}: expected an array of cycles {initValue, peakValue, warmupSteps, decaySteps}, got ${describe(cycles)}.`,
      { op },
    );
  }
  let end = 0;
  const boundaries = cycles.slice(0, -1).map(({ decaySteps }) => (end += decaySteps));
  const schedules = cycles.map(({ initValue, peakValue, warmupSteps, decaySteps, ...options }) =>
    warmupCosineDecaySchedule(initValue, peakValue, warmupSteps, decaySteps, options),
  );
  return joinSchedules(schedules, boundaries);
}
