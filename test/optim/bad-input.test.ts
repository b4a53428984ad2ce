import { ArgumentError, EquinodeError } from '../../lib/base/errors';
import { applyUpdates } from '../../lib/module';
import * as optim from '../../lib/optim';
import { ones, zeros } from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { thrown } from '../support/thrown';

type Make = (...args: unknown[]) => optim.GradientTransformation;
const all = optim as unknown as Readonly<Record<string, Make>>;

const params = { w: ones([2, 3]), none: null, k: zeros([3]) };
const grads = { w: ones([2, 3]), none: null, k: ones([3]) };
const extra = { value: tensor(1), grad: grads, valueFn: () => tensor(1) };

function disposed(): unknown {
  const gone = ones([2, 3]);
  gone.dispose();
  return gone;
}

/** Optimisers whose first argument is the learning rate, which they need. */
const needRate = [
  'adabelief', 'adagrad', 'adam', 'adamax', 'adamaxw', 'adamw', 'adan', 'ademamix', 'adopt', 'amsgrad', 'fromage',
  'lamb', 'lars', 'lion', 'muon', 'nadam', 'nadamw', 'novograd', 'optimisticAdam', 'optimisticAdamV2',
  'optimisticGradientDescent', 'radam', 'rmsprop', 'rprop', 'sgd', 'signSgd', 'signum', 'sm3', 'yogi',
]; // prettier-ignore
/** Those that have one of their own. */
const haveRate = ['adadelta', 'adafactor', 'prodigy', 'scheduleFreeAdamw', 'scheduleFreeSgd'];

describe('a learning rate that is none is refused by the optimiser, by name', () => {
  test.each([...needRate, ...haveRate])('%s', (name) => {
    const gone = tensor(1);
    gone.dispose();
    for (const rate of [NaN, '0.1', {}, [0.1], true, tensor([0.1, 0.2])]) {
      const error = thrown(() => all[name]!(rate));
      expect(error).toBeInstanceOf(ArgumentError);
      expect(error.message).toMatch(new RegExp(`^optim\\.${name}: expected learningRate to be an? `));
    }
    expect(thrown(() => all[name]!(gone)).message).toContain('expected a live tensor');
  });

  test.each(needRate)('%s without any', (name) => {
    expect(() => all[name]!()).toThrow(`optim.${name}: expected learningRate to be a`);
  });

  test.each(haveRate)('%s has one of its own', (name) => {
    expect(typeof all[name]!().update).toBe('function');
  });
});

test.each<[string, unknown[], string]>([
  ['adam', [0.1, { b1: NaN }], 'optim.scaleByAdam: expected b1 to be a number, got NaN.'],
  ['adam', [0.1, { eps: '1' }], 'optim.scaleByAdam: expected eps to be a number, got leaf of type string.'],
  ['adam', [0.1, { nesterov: 'x' }], 'optim.scaleByAdam: expected nesterov to be true or false, got leaf of type string.'],
  ['adam', [0.1, { muDtype: 'int32' }], 'optim.scaleByAdam: expected muDtype to be a floating-point or complex dtype, got int32.'],
  ['ema', [0.1, { accumulatorDtype: 'foo' }], 'expected accumulatorDtype to be a floating-point or complex dtype, got foo.'],
  ['signSgd', [0.1, { momentum: 0.9 }], 'optim.signSgd: expected no options, got "momentum".'],
  ['clip', [-1], 'optim.clip: expected maxDelta to be a number from 0 on, got -1.'],
  ['clipByGlobalNorm', [NaN], 'optim.clipByGlobalNorm: expected maxNorm to be a number from 0 on, got NaN.'],
  ['adaptiveGradClip', [undefined], 'expected clipping to be a number from 0 on, got undefined.'],
  ['ema', ['x'], 'optim.ema: expected decay to be a number, got leaf of type string.'],
  ['trace', [NaN], 'optim.trace: expected decay to be a number, got NaN.'],
  ['addDecayedWeights', [NaN], 'optim.addDecayedWeights: expected weightDecay to be a finite number'],
  ['scale', [undefined], 'optim.scale: expected factor to be a number, got undefined.'],
  ['scaleBySchedule', [0.1], 'optim.scaleBySchedule: expected the schedule to be a function, got leaf of type number.'],
  ['stateless', [1], 'optim.stateless: expected update to be a function, got leaf of type number.'],
  ['snapshot', ['n', 1], 'optim.snapshot: expected measure to be a function, got leaf of type number.'],
  ['monitor', [{ norm: 1 }], "optim.monitor: expected the measure 'norm' to be a function, got leaf of type number."],
  ['measureWithEma', [1, 0.9], 'optim.measureWithEma: expected measure to be a function, got leaf of type number.'],
  ['masked', [optim.sgd(1)], 'optim.masked: expected a mask of booleans, or a function that makes one, got undefined.'],
  ['masked', [1, true], 'optim.masked: expected the first argument to be a gradient transformation'],
  ['partition', [null, 'a'], 'optim.partition: expected an object of transformations by label, got null.'],
  ['prodigy', [1, { betas: [0.9] }], 'optim.prodigy: expected betas to be two numbers, got array of 1.'],
  ['applyIfFinite', [optim.sgd(1), -1], 'expected maxConsecutiveErrors to be an integer from 0 on, got -1.'],
  ['multiSteps', [optim.sgd(1), 0], 'optim.multiSteps: expected everyK to be an integer from 1 on, got 0.'],
  ['lookahead', [optim.sgd(1), 2, NaN], 'optim.lookahead: expected slowStepSize to be a number, got NaN.'],
])('%s%j', (name, args, message) => {
  expect(() => all[name]!(...args)).toThrow(message);
}); // prettier-ignore

describe('a state of another model, and gradients that do not fit, are refused before any work', () => {
  const made = [...needRate, ...haveRate, 'scaleByLbfgs'].map((name) => [name, all[name]!] as const);
  const others: Readonly<Record<string, unknown>> = {
    'of other shapes': { w: ones([4, 3]), none: null, k: zeros([3]) },
    'of another tree': { w: ones([2, 3]), other: zeros([3]) },
  };

  test.each(made)('%s', (name, make) => {
    const optimiser = name === 'scaleByLbfgs' ? make() : make(0.1);
    const own = optimiser.init(params);
    const refusal = (given: unknown, state: optim.State, model: unknown = params) => {
      try {
        optimiser.update(given, state, model, extra);
      } catch (error) {
        expect(error).toBeInstanceOf(EquinodeError);
        expect((error as EquinodeError).message).toMatch(/^optim\./);
        return (error as EquinodeError).message;
      }
      return undefined;
    };
    for (const other of Object.values(others)) {
      const message = refusal(grads, optimiser.init(other));
      // Optimisers without a state take every state.
      if (message !== undefined) expect(message).toMatch(/ at |expected object/);
    }
    expect(refusal({ ...grads, w: disposed() }, own)).toMatch(/expected a live tensor/);
    expect(refusal({ ...grads, w: 1 }, own)).toMatch(
      /expected updates to be tensors or null, got .* at \['w'\]/,
    );
    expect(refusal({ ...grads, w: ones([2, 3], { dtype: 'int32' }) }, own)).toMatch(
      /expected updates of a floating-point or complex dtype, got int32 at \['w'\]/,
    );
  });

  test('factored sums, sums of slices, and memories name what does not fit', () => {
    const refusal = (optimiser: optim.GradientTransformation) =>
      thrown(() => optimiser.update(grads, optimiser.init(others['of other shapes']), params)).message;
    const again = 'Make the state with init from the same parameters.';
    expect(refusal(optim.adafactor(0.1))).toBe(
      `optim.scaleByFactoredRms: expected v of the shape [2,3], got [4,3] at ['w']. ${again}`,
    );
    expect(refusal(optim.adafactor(0.1, { minDimSizeToFactor: 2 }))).toBe(
      `optim.scaleByFactoredRms: expected vRow of the shape [2], got [3] at ['w']. ${again}`,
    );
    expect(refusal(optim.sm3(0.1))).toBe(
      `optim.scaleBySm3: expected mu of the shape [2], got [4] at ['w']. ${again}`,
    );
    expect(refusal(optim.scaleByLbfgs())).toBe(
      `optim.scaleByLbfgs: expected diffParamsMemory of the shape [10,2,3], got [10,4,3] at ['w']. ${again}`,
    );
    const lbfgs = optim.scaleByLbfgs();
    expect(() => lbfgs.update({ w: null, none: null, k: null }, lbfgs.init(params), params)).toThrow(
      'optim.scaleByLbfgs: expected at least one update, got none.',
    );
  });

  test('parameters that are gone are told by init', () => {
    expect(() => optim.adam(0.1).init({ a: [disposed()] })).toThrow(
      "init: expected live parameters, got a disposed one at ['a'][0].",
    );
  });

  test('tensors without elements are fine', () => {
    const empty = { w: zeros([0, 3]), k: zeros([0]) };
    for (const [name, make] of made) {
      if (name === 'scaleByLbfgs') continue;
      const optimiser = make(0.1);
      const [updates] = optimiser.update(empty, optimiser.init(empty), empty, extra);
      expect(updates.w.shape).toEqual([0, 3]);
    }
  });
});

describe('schedules', () => {
  test.each<[string, () => unknown]>([
    ['constantSchedule: expected value to be', () => optim.constantSchedule(NaN)],
    ['linearSchedule: expected initValue to be', () => optim.linearSchedule('1' as never, 0, 10)],
    ['linearSchedule: expected transitionSteps to be', () => optim.linearSchedule(1, 0, undefined as never)],
    ['polynomialSchedule: expected power to be', () => optim.polynomialSchedule(1, 0, NaN, 10)],
    ['exponentialDecay: expected decayRate to be', () => optim.exponentialDecay(1, 10, null as never)],
    ['cosineDecaySchedule: expected decaySteps to be', () => optim.cosineDecaySchedule(1, NaN)],
    ['cosineDecaySchedule: expected a number of steps', () => optim.cosineDecaySchedule(1, -1)],
    ['warmupCosineDecaySchedule: expected peakValue', () => optim.warmupCosineDecaySchedule(0, NaN, 1, 2)],
    ['warmupExponentialDecaySchedule: expected warmupSteps',
      () => optim.warmupExponentialDecaySchedule(0, 1, 'x' as never, 1, 0.5)],
    ['joinSchedules: expected schedules[1] to be a function', () => optim.joinSchedules([() => 1, 2 as never], [1])],
    ['joinSchedules: expected an array of schedules', () => optim.joinSchedules(1 as never, [1])],
    ['piecewiseConstantSchedule: expected an object of factors', () => optim.piecewiseConstantSchedule(1, [1] as never)],
    ['linearOnecycleSchedule: expected peakValue', () => optim.linearOnecycleSchedule(10, NaN)],
    ['sgdrSchedule: expected an array of cycles', () => optim.sgdrSchedule({} as never)],
  ])('%s', (message, make) => {
    expect(make).toThrow(`optim.${message}`);
  }); // prettier-ignore

  test('a count that is none', () => {
    for (const schedule of [optim.constantSchedule(1), optim.linearSchedule(1, 0, 10)]) {
      for (const count of [NaN, 'x', undefined, null]) {
        expect(() => schedule(count as never)).toThrow(/expected the count of steps to be a number, got/);
      }
      expect(() => schedule(disposed() as never)).toThrow('expected a live tensor');
    }
    const values = optim.linearSchedule(1, 0, 2)(tensor([0, 1, 2]));
    expect((values as Tensor).toArray()).toEqual([1, 0.5, 0]);
  });

  test('a schedule that gives no number', () => {
    const sgd = optim.sgd(() => 'x' as never);
    expect(() => sgd.update(grads, sgd.init(params))).toThrow(
      'optim.scaleBySchedule: expected the value of the schedule to be a number, got NaN.',
    );
  });
});

describe('wrappers', () => {
  const sgd = optim.sgd(0.1);
  const model = { w: ones([2]) };
  const gradients = { w: ones([2]) };
  const step = (optimiser: optim.GradientTransformation, extraArguments?: optim.ExtraArguments) =>
    optimiser.update(gradients, optimiser.init(model), model, extraArguments);
  const count = tensor(1, { dtype: 'int32' });

  test.each<[string, () => unknown]>([
    ['multiSteps: expected the value of everyK to be an integer from 1 on, got NaN.',
      () => step(optim.multiSteps(sgd, () => NaN))],
    ['multiSteps: expected shouldSkipUpdateFn to be a function, got leaf of type number.',
      () => optim.multiSteps(sgd, 2, { shouldSkipUpdateFn: 3 as never })],
    ['injectHyperparams: expected make to be a function, got leaf of type number.',
      () => optim.injectHyperparams(3 as never, {})],
    ['injectHyperparams: expected an object of hyperparameters by name, got null.',
      () => optim.injectHyperparams(() => sgd, null as never)],
    ['injectHyperparams: expected rate to be a number, got NaN.',
      () => optim.injectHyperparams(() => sgd, { rate: NaN })],
    ['injectHyperparams: expected the result of make to be a gradient transformation, got leaf of type number.',
      () => optim.injectHyperparams(() => 3 as never, { rate: 1 }).init(model)],
    ['conditionallyTransform: expected the condition to return bool[], got leaf of type number.',
      () => step(optim.conditionallyTransform(sgd, () => 3 as never))],
    ['conditionallyMask: expected the condition to return bool[], got bool[2].',
      () => step(optim.conditionallyMask(sgd, () => tensor([true, false])))],
    ['periodicUpdate: expected steps to be a tensor int32[], got leaf of type number.',
      () => optim.periodicUpdate(model, model, 3 as never, 2)],
    ["periodicUpdate: expected newTensors of the update's shape [3], got [2] at ['w'].",
      () => optim.periodicUpdate(model, { w: ones([3]) }, count, 2)],
    ['reduceOnPlateau: expected patience to be an integer from 0 on, got -1.',
      () => optim.reduceOnPlateau({ patience: -1 })],
    ['reduceOnPlateau: expected value to be a number or a tensor of no axes, got float32[2].',
      () => step(optim.reduceOnPlateau(), { value: ones([2]) })],
    ['partition: expected a tree of labels, or a function that makes one, got undefined.',
      () => optim.partition({ a: sgd }, undefined)],
    ['selectiveTransform: expected an object with the option freezeMask, got undefined.',
      () => optim.selectiveTransform(sgd, undefined as never)],
    ['projectionSimplex: expected a tensor, got leaf of type string.',
      () => optim.projectionSimplex('x' as never)],
    ['projectionSimplex: expected scale to be a finite number above 0, got NaN.',
      () => optim.projectionSimplex(ones([2]), NaN)],
  ])('%s', (message, run) => {
    expect(run).toThrow(`optim.${message}`);
  }); // prettier-ignore

  test('updates of another shape or gone name applyUpdates and the path', () => {
    expect(() => applyUpdates(model, { w: ones([3]) })).toThrow(
      /^applyUpdates: libtorch refused .* at \['w'\]\.$/,
    );
    expect(() => applyUpdates(model, { w: disposed() })).toThrow(
      "applyUpdates: expected a live tensor, got one that is gone: it was disposed at ['w'].",
    );
  });

  test('periodicUpdate keeps dtypes', () => {
    const old = { w: ones([2], { dtype: 'float64' }), n: ones([], { dtype: 'int32' }) };
    const recent = { w: zeros([2]), n: zeros([], { dtype: 'int32' }) };
    const { w, n } = optim.periodicUpdate(recent, old, tensor(4, { dtype: 'int32' }), 2);
    expect([w.dtype, n.dtype, w.toArray(), n.item()]).toEqual(['float64', 'int32', [0, 0], 0]);
  });
});
