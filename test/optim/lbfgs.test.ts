import {
  applyUpdates,
  ArgumentError,
  filterJit,
  filterValueAndGrad,
  optim,
  tensor,
  TreeError,
  type Tensor,
} from '../../lib';
import { expectClose } from '../support/close';
import { numbersOf, readFixture, type Numbers } from '../support/fixture';
import { elementsOf, leavesOf } from '../support/optimiser-cases';

interface Parameters {
  readonly x: Tensor;
  readonly y: Tensor;
}

// Optax's steps; see scripts/fixtures/lbfgs.py.
const { cases: expected } = readFixture('lbfgs') as {
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly params: readonly Numbers[];
        readonly state: readonly (readonly [path: string, dtype: string, values: Numbers])[];
      }
    >
  >;
};
const start: Parameters = { x: tensor([-1.2, 1, 0.5]), y: tensor(2) };

/** Rosenbrock's function in three numbers, and a quartic. */
const valueFn = ({ x, y }: Parameters): Tensor => {
  const [before, after] = [x.narrow(0, 0, 2), x.narrow(0, 1, 2)];
  const valley = after.sub(before.square()).square().mul(10).add(before.rsub(1).square()).sum();
  return valley.add(y.sub(0.5).pow(4)).add(y.square().mul(0.1));
};

const { chain, sgd } = optim;
const cases: Readonly<Record<string, optim.GradientTransformation>> = {
  lbfgs: optim.lbfgs(),
  'lbfgs:memory': optim.lbfgs(null, { memorySize: 2, scaleInitPrecond: false }),
  'lbfgs:backtracking': optim.lbfgs(null, {
    linesearch: optim.scaleByBacktrackingLinesearch(15, { storeGrad: true }),
  }),
  'lbfgs:none': optim.lbfgs(0.05, { linesearch: null }),
  scaleByLbfgs: chain(optim.scaleByLbfgs({ memorySize: 3 }), optim.scale(-0.02)),
  'scaleByLbfgs:plain': chain(
    optim.scaleByLbfgs({ memorySize: 2, scaleInitPrecond: false }),
    optim.scale(-0.01),
  ),
  scaleByZoomLinesearch: chain(sgd(1), optim.scaleByZoomLinesearch(15)),
  'scaleByZoomLinesearch:options': chain(
    sgd(0.01),
    optim.scaleByZoomLinesearch(4, { maxLearningRate: 3, curvRtol: 0.1, approxDecRtol: null }),
  ),
  scaleByBacktrackingLinesearch: chain(sgd(1), optim.scaleByBacktrackingLinesearch(25)),
};

test('every case is compared with Optax', () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(expected).sort());
});

// Each step divides by differences of gradients, which loses digits.
const tolerance = { rtol: 2e-4, atol: 2e-5 };

test.each(Object.entries(cases))('%s takes the steps of Optax', (name, optimiser) => {
  let params = start;
  let state = optimiser.init(params);
  expected[name]!.params.forEach((step) => {
    const [value, grad] = filterValueAndGrad(valueFn)(params);
    const [updates, next] = optimiser.update(grad, state, params, { value, grad, valueFn });
    params = applyUpdates(params, updates);
    state = next;
    expectClose(elementsOf(params), numbersOf(step), tolerance);
  });
  const leaves = leavesOf(state);
  expect(leaves.map(([path, leaf]) => [path, leaf.dtype])).toEqual(
    expected[name]!.state.map(([path, dtype]) => [path, dtype]),
  );
  leaves.forEach(([path, leaf], i) => {
    const bound =
      path.endsWith('Memory') || path.includes('emory')
        ? { rtol: 2e-2, atol: 1e-3 }
        : { rtol: 1e-3, atol: 1e-3 };
    expectClose(leaf.reshape([-1]), numbersOf(expected[name]!.state[i]![2]), bound);
  });
});

test('values and gradients come from the state once a line search has left them there', () => {
  const optimiser = cases['lbfgs']!;
  let calls = 0;
  const counted = (params: Parameters): Tensor => {
    calls += 1;
    return valueFn(params);
  };
  const valueAndGrad = optim.valueAndGradFromState(counted);
  const first = optimiser.init(start);
  const [value, grad] = valueAndGrad(start, first);
  expectClose(value, valueFn(start).item());
  const [updates, state] = optimiser.update(grad, first, start, { value, grad, valueFn });
  const params = applyUpdates(start, updates);
  const [kept, keptGrad] = valueAndGrad(params, state);
  const [again, gradAgain] = filterValueAndGrad(valueFn)(params);
  expectClose(kept, again.item(), { rtol: 1e-5 });
  expectClose(elementsOf(keptGrad), elementsOf(gradAgain).toArray(), { rtol: 1e-4, atol: 1e-4 });
  expect(calls).toBeGreaterThan(0);
  expect(() => valueAndGrad(start, optim.sgd(1).init(start))).toThrow(TreeError);
});

test('what a line search needs is named', () => {
  const direction = optim.scaleByLbfgs();
  expect(() => direction.update(start, direction.init(start))).toThrow(
    'optim.scaleByLbfgs: expected the parameters as the third argument of update, got undefined.',
  );
  const optimiser = optim.lbfgs();
  const grad = filterValueAndGrad(valueFn)(start)[1];
  const state = optimiser.init(start);
  expect(() => optimiser.update(grad, state, start)).toThrow(
    'optim.scaleByZoomLinesearch: expected the loss as value in the fourth argument of update, got undefined.',
  );
  expect(() => optimiser.update(grad, state, start, { value: 1, grad })).toThrow(
    new ArgumentError(
      'optim.scaleByZoomLinesearch: expected the function as valueFn in the fourth argument of update, got undefined. ' +
        'Call update(grads, state, model, { value, grad: grads, valueFn }).',
    ),
  );
  expect(() => optimiser.update(grad, state)).toThrow('expected the parameters as the third argument');
  expect(() => optim.scaleByLbfgs({ memorySize: 0 })).toThrow(ArgumentError);
  expect(() => optim.scaleByZoomLinesearch(0)).toThrow(ArgumentError);
  expect(() => optim.scaleByZoomLinesearch(5, { initialGuessStrategy: 'two' as never })).toThrow(
    ArgumentError,
  );
  expect(() => optim.scaleByBacktrackingLinesearch(-1)).toThrow(ArgumentError);
});

test.each(Object.entries(cases))('%s takes the same steps inside jit, traced once', (name, optimiser) => {
  let traces = 0;
  const step = filterJit((params: Parameters, state: optim.State) => {
    traces += 1;
    const [value, grad] = filterValueAndGrad(valueFn)(params);
    const [updates, next] = optimiser.update(grad, state, params, { value, grad, valueFn });
    return [applyUpdates(params, updates), next] as const;
  });
  let params = start;
  let state = optimiser.init(start);
  expected[name]!.params.forEach((wanted) => {
    [params, state] = step(params, state);
    expectClose(elementsOf(params), numbersOf(wanted), tolerance);
  });
  expect(traces).toBe(1);
});

test('a search is a real loop of the compiled graph, however many steps it may take', () => {
  const lines = (steps: number): string[] => {
    const optimiser = chain(sgd(1), optim.scaleByZoomLinesearch(steps));
    const step = filterJit((params: Parameters, state: optim.State) => {
      const [value, grad] = filterValueAndGrad(valueFn)(params);
      return optimiser.update(grad, state, params, { value, grad, valueFn })[0];
    });
    return step.lower(start, optimiser.init(start)).graph.split('\n');
  };
  const short = lines(50);
  expect(short.join('\n')).toContain('prim::Loop');
  expect(lines(100)).toHaveLength(short.length);
});

test('a search that finds no number stops, and changes nothing', () => {
  const broken = ({ x }: Parameters): Tensor => x.sub(x).div(0).sum();
  const optimiser = optim.lbfgs();
  const state = optimiser.init(start);
  const [value, grad] = filterValueAndGrad(broken)(start);
  const [, next] = optimiser.update(grad, state, start, { value, grad, valueFn: broken });
  const { numLinesearchSteps } = (next as readonly Readonly<Record<string, unknown>>[])[2]!['info'] as {
    readonly numLinesearchSteps: Tensor;
  };
  expect(numLinesearchSteps.item()).toBeLessThanOrEqual(20);
});
