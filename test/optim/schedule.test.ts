import { ArgumentError, filterJit, optim, tensor, type Tensor } from '../../lib';
import { expectClose } from '../support/close';
import { readFixture } from '../support/fixture';

// Optax's schedules; see scripts/fixtures/losses.py.
const { schedules: expected } = readFixture('losses') as {
  readonly schedules: Readonly<Record<string, readonly number[]>>;
};
const counts = [0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 15, 19, 20, 25, 40];

const schedules: Readonly<Record<string, optim.StepSchedule | optim.Schedule>> = {
  constantSchedule: optim.constantSchedule(0.3),
  polynomialSchedule: optim.polynomialSchedule(1, 0.1, 2.5, 10, 3),
  'polynomialSchedule:none': optim.polynomialSchedule(1, 0.1, 2, 0),
  linearSchedule: optim.linearSchedule(0.1, 1, 10, -5),
  piecewiseConstantSchedule: optim.piecewiseConstantSchedule(1, { 10: 0.1, 4: 0.5 }),
  piecewiseInterpolateSchedule: optim.piecewiseInterpolateSchedule('linear', 1, { 10: 0.1, 4: 5 }),
  'piecewiseInterpolateSchedule:cosine': optim.piecewiseInterpolateSchedule('cosine', 1, { 10: 0.1, 4: 5 }),
  exponentialDecay: optim.exponentialDecay(1, 4, 0.5, { transitionBegin: 3 }),
  'exponentialDecay:stairs': optim.exponentialDecay(1, 4, 0.5, { staircase: true, endValue: 0.2 }),
  'exponentialDecay:growth': optim.exponentialDecay(1, 4, 1.5, { endValue: 3 }),
  cosineDecaySchedule: optim.cosineDecaySchedule(2, 20, { alpha: 0.1 }),
  'cosineDecaySchedule:exponent': optim.cosineDecaySchedule(2, 20, { alpha: 0.1, exponent: 1.5 }),
  warmupConstantSchedule: optim.warmupConstantSchedule(0, 1, 5),
  warmupCosineDecaySchedule: optim.warmupCosineDecaySchedule(0, 1, 5, 20, { endValue: 0.1, exponent: 2 }),
  warmupExponentialDecaySchedule: optim.warmupExponentialDecaySchedule(0, 1, 5, 4, 0.5, {
    transitionBegin: 2,
    staircase: true,
    endValue: 0.01,
  }),
  linearOnecycleSchedule: optim.linearOnecycleSchedule(20, 1),
  cosineOnecycleSchedule: optim.cosineOnecycleSchedule(20, 1, { pctStart: 0.4 }),
  sgdrSchedule: optim.sgdrSchedule([
    { initValue: 0, peakValue: 1, warmupSteps: 2, decaySteps: 7 },
    { initValue: 0.1, peakValue: 0.5, warmupSteps: 3, decaySteps: 12, endValue: 0.05 },
  ]),
  joinSchedules: optim.joinSchedules([optim.constantSchedule(1), optim.linearSchedule(0.5, 0, 10)], [6]),
};
const counted = (count: number): Tensor => tensor(count, { dtype: 'int32' });
const valueOf = (value: number | Tensor): Tensor => (typeof value === 'number' ? tensor(value) : value);

test('every schedule is compared with Optax', () => {
  expect(Object.keys(schedules).sort()).toEqual(Object.keys(expected).sort());
});

test.each(Object.entries(schedules))('%s has the values of Optax', (name, schedule) => {
  counts.forEach((count, i) => {
    expectClose(valueOf(schedule(counted(count))), expected[name]![i], { rtol: 2e-6, atol: 2e-7 });
  });
});

test.each(Object.entries(schedules))('%s has the same values inside jit, traced once', (name, schedule) => {
  let traces = 0;
  const jitted = filterJit((count: Tensor) => {
    traces += 1;
    return valueOf(schedule(count));
  });
  counts.slice(3, 6).forEach((count, i) => {
    expectClose(jitted(counted(count)), expected[name]![i + 3], { rtol: 2e-6, atol: 2e-7 });
  });
  expect(traces).toBe(1);
});

test('a count may be a number', () => {
  expectClose(valueOf(optim.linearSchedule(0, 1, 10)(5)), 0.5);
  expectClose(valueOf(optim.warmupCosineDecaySchedule(0, 1, 5, 20)(5)), 1);
});

test('what Optax refuses is refused, by the schedule that was asked for', () => {
  expect(() => optim.cosineDecaySchedule(1, 0)).toThrow(
    new ArgumentError('optim.cosineDecaySchedule: expected a number of steps to decay above 0, got 0.'),
  );
  expect(() => optim.warmupCosineDecaySchedule(0, 1, 10, 5)).toThrow(
    'optim.warmupCosineDecaySchedule: expected a number of steps to decay above 0, got -5.',
  );
  expect(() => optim.piecewiseConstantSchedule(1, { 3: -1 })).toThrow(
    new ArgumentError('optim.piecewiseConstantSchedule: expected a factor to be a number from 0 on, got -1.'),
  );
  expect(() => optim.linearOnecycleSchedule(0, 1)).toThrow(ArgumentError);
  expect(() => optim.cosineOnecycleSchedule(-1, 1)).toThrow(ArgumentError);
  expect(() => optim.piecewiseInterpolateSchedule('cubic' as never, 1)).toThrow(ArgumentError);
  expect(() => optim.joinSchedules([], [])).toThrow(ArgumentError);
  expect(() => optim.joinSchedules([optim.constantSchedule(1)], [3])).toThrow(ArgumentError);
  expect(() => optim.exponentialDecay(1, 4, 0.5, { stairs: true } as never)).toThrow(ArgumentError);
  expect(() => optim.linearSchedule(0, 1, '5' as never)).toThrow(ArgumentError);
});
