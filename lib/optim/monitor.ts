import { ArgumentError, TreeError } from '../base/errors';
import { describe, isPlainObject } from '../tree';
import { requireFunction, requireState, type GradientTransformation, type State } from './base';
import { ema, type EmaOptions } from './ema';
import type { Scalar } from './scalar';

/** A function of the updates whose value is to be kept. */
export type Measure = (updates: unknown) => unknown;

/**
 * Keeps a measurement of the updates in the state; the updates pass as they are.
 *
 * The state is `{ measurement: { [name]: value } }`, with the value for the parameters before the first step.
 *
 * @see optax.snapshot.
 */
export function snapshot(name: string, measure: Measure): GradientTransformation {
  const op = 'optim.snapshot';
  if (typeof (name as unknown) !== 'string') {
    throw new ArgumentError(`${op}: expected the name of the measurement, got ${describe(name)}.`, { op });
  }
  requireFunction('measure', measure, op);
  return {
    init: (params) => ({ measurement: { [name]: measure(params) } }),
    update: (updates) => [updates, { measurement: { [name]: measure(updates) } }],
  };
}

/** A measurement that has a state of its own. */
export interface StatefulMeasure {
  init(params: unknown): State;
  update(updates: unknown, state: State, params?: unknown): readonly [measurement: unknown, state: State];
}

/**
 * Keeps several measurements of the updates in the state; the updates pass as they are.
 *
 * The state is `{ measurements, measureStates }`; there are no measurements before the first step.
 *
 * @param measures  For each name a function of the updates, or what `measureWithEma` makes.
 * @see optax.monitor.
 */
export function monitor(
  measures: Readonly<Record<string, Measure | StatefulMeasure>>,
): GradientTransformation {
  const op = 'optim.monitor';
  if (!isPlainObject(measures)) {
    throw new ArgumentError(`${op}: expected an object of measures by name, got ${describe(measures)}.`, {
      op,
    });
  }
  for (const [name, measure] of Object.entries(measures)) {
    const { init, update } = measure as Partial<StatefulMeasure>;
    if (typeof init !== 'function' || typeof update !== 'function')
      requireFunction(`the measure '${name}'`, measure, op);
  }
  const stateful = Object.entries(measures).map(([name, measure]) => [name, withState(measure)] as const);
  return {
    init: (params) => ({
      measurements: {},
      measureStates: stateful.map(([, measure]) => measure.init(params)),
    }),
    update(updates, state, params) {
      const { measureStates } = requireState(state, ['measureStates'], op);
      const results = stateful.map(([name, measure], i) => {
        const [value, next] = measure.update(updates, (measureStates as readonly State[])[i]!, params);
        return [name, value, next] as const;
      });
      const measurements = Object.fromEntries(results.map(([name, value]) => [name, value]));
      return [updates, { measurements, measureStates: results.map(([, , next]) => next) }];
    },
  };
}

function withState(measure: Measure | StatefulMeasure): StatefulMeasure {
  if (typeof measure !== 'function') return measure;
  return { init: () => ({}), update: (updates, state) => [measure(updates), state] };
}

/**
 * A measurement for `monitor` that is averaged over the steps.
 *
 * @param measure  From the updates to a tensor, or a tree of them.
 * @param decay  How much of the mean stays in the next step.
 * @see optax.measure_with_ema.
 */
export function measureWithEma(measure: Measure, decay: Scalar, options: EmaOptions = {}): StatefulMeasure {
  requireFunction('measure', measure, 'optim.measureWithEma');
  const mean = ema(decay, options);
  return {
    // As in Optax, where the measurement is the first of a chain and has an empty state.
    init: (params) => [{}, mean.init(measure(params))],
    update(updates, state) {
      if (!Array.isArray(state) || state.length !== 2) {
        throw new TreeError(
          `optim.measureWithEma: expected an array of 2 states, got ${describe(state)}. Pass what init or the last update returned.`,
          { op: 'optim.measureWithEma' },
        );
      }
      const [first, own] = state as unknown as readonly [State, State];
      const [value, next] = mean.update(measure(updates), own);
      return [value, [first, next]];
    },
  };
}
