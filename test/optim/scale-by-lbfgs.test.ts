import {
  applyUpdates,
  ArgumentError,
  filterJit,
  filterValueAndGrad,
  optim,
  tensor,
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

const cases: Readonly<Record<string, optim.GradientTransformation>> = {
  scaleByLbfgs: optim.chain(optim.scaleByLbfgs({ memorySize: 3 }), optim.scale(-0.02)),
  'scaleByLbfgs:plain': optim.chain(
    optim.scaleByLbfgs({ memorySize: 2, scaleInitPrecond: false }),
    optim.scale(-0.01),
  ),
};

test('every case is compared with Optax', () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(expected).sort());
});

// Each step divides by differences of gradients, which loses digits; a memory is such a difference.
const tolerance = { rtol: 2e-4, atol: 2e-5 };
const toleranceOf = (path: string) =>
  path.endsWith('Memory') || path.includes('Memory.') ? { rtol: 2e-2, atol: 1e-3 } : tolerance;

test.each(Object.entries(cases))('%s takes the steps of Optax, compiled once', (name, optimiser) => {
  let traces = 0;
  const step = filterJit((params: Parameters, state: optim.State) => {
    traces += 1;
    const [, grad] = filterValueAndGrad(valueFn)(params);
    const [updates, next] = optimiser.update(grad, state, params);
    return [applyUpdates(params, updates), next] as const;
  });
  let params = start;
  let compiled = start;
  let state = optimiser.init(start);
  let compiledState = state;
  expected[name]!.params.forEach((wanted) => {
    const [, grad] = filterValueAndGrad(valueFn)(params);
    const [updates, next] = optimiser.update(grad, state, params);
    params = applyUpdates(params, updates);
    state = next;
    [compiled, compiledState] = step(compiled, compiledState);
    expectClose(elementsOf(params), numbersOf(wanted), tolerance);
    expectClose(elementsOf(compiled), numbersOf(wanted), tolerance);
  });
  expect(traces).toBe(1);
  const leaves = leavesOf(state);
  expect(leaves.map(([path, leaf]) => [path, leaf.dtype])).toEqual(
    expected[name]!.state.map(([path, dtype]) => [path, dtype]),
  );
  leaves.forEach(([path, leaf], i) => {
    expectClose(leaf.reshape([-1]), numbersOf(expected[name]!.state[i]![2]), toleranceOf(path));
  });
});

test('a memory of nothing, and steps without parameters, are refused', () => {
  expect(() => optim.scaleByLbfgs({ memorySize: 0 })).toThrow(
    new ArgumentError('optim.scaleByLbfgs: expected memorySize to be an integer from 1 on, got 0.'),
  );
  const optimiser = optim.scaleByLbfgs();
  expect(() => optimiser.update(start, optimiser.init(start))).toThrow(
    'optim.scaleByLbfgs: expected the parameters as the third argument of update, got undefined.',
  );
});
