import { ArgumentError, filterJit, optim, tensor, tree, type Tensor } from '../../lib';
import { expectClose } from '../support/close';
import { expectSteps, gradients, params } from '../support/optimisers';

const schedule: optim.Schedule = (count) => count.add(1).reciprocal().mul(0.1);

const optimisers: Readonly<Record<string, optim.GradientTransformation>> = {
  sgd: optim.sgd(0.1),
  sgdMomentum: optim.sgd(0.1, { momentum: 0.9 }),
  sgdNesterov: optim.sgd(0.1, { momentum: 0.9, nesterov: true }),
  sgdSchedule: optim.sgd(schedule),
  adam: optim.adam(0.1),
  adamOptions: optim.adam(0.1, { b1: 0.5, b2: 0.9, eps: 1e-3, epsRoot: 1e-4 }),
  adamNesterov: optim.adam(0.1, { nesterov: true }),
  adamMuDtype: optim.adam(0.1, { muDtype: 'bfloat16' }),
  adamw: optim.adamw(0.1),
  adamwDecay: optim.adamw(0.1, { weightDecay: 0.01, mask: { a: true, b: false, c: true } }),
  adamwSchedules: optim.adamw(schedule, { weightDecay: schedule }),
  clipByGlobalNorm: optim.chain(optim.clipByGlobalNorm(0.5), optim.sgd(0.1)),
  clip: optim.chain(optim.clip(0.2), optim.scale(-1)),
};

test.each(Object.entries(optimisers))('%s takes the steps of Optax', (name, optimiser) => {
  // Each of the twelve steps rounds parameters of size 4, or a mean to bfloat16.
  const tolerance = name === 'adamMuDtype' ? { rtol: 4e-3, atol: 1e-4 } : { rtol: 1e-6, atol: 5e-7 };
  expectSteps(name, optimiser, tolerance);
});

test.each(Object.entries(optimisers))(
  '%s takes the same step inside jit, from any count',
  (_name, optimiser) => {
    const step = (gradient: typeof params, state: optim.State, current: typeof params) =>
      optimiser.update(gradient, state, current);
    const jitted = filterJit(step);
    let state = optimiser.init(params);
    for (const gradient of gradients.slice(0, 4)) {
      const [eager] = step(gradient, state, params);
      const [updates, next] = jitted(gradient, state, params);
      for (const [name, value] of Object.entries(eager)) expectClose(updates[name]!, value.toArray());
      state = next;
    }
  },
);

test('a learning rate may be a tensor', () => {
  const byTensor = optim.sgd(tensor(0.1));
  const [updates] = byTensor.update(gradients[0]!, byTensor.init(params));
  const byNumber = optim.sgd(0.1);
  const [expected] = byNumber.update(gradients[0]!, byNumber.init(params));
  for (const [name, value] of Object.entries(expected)) expectClose(updates[name]!, value.toArray());
});

test('the state of adam is what Optax keeps, and saves in its order', () => {
  const state = optim.adam(0.1).init(params) as readonly {
    count: Tensor;
    mu: typeof params;
    nu: typeof params;
  }[];
  const [first] = state;
  expect([first?.count.dtype, first?.count.shape]).toEqual(['int32', []]);
  expect(Object.keys(first?.mu ?? {})).toEqual(['a', 'b', 'c']);
  expect(tree.leaves(state).length).toBe(7);
});

test('misspelt options are refused', () => {
  expect(() => optim.adamw(0.1, { weightdecay: 0.1 } as never)).toThrow(
    'optim.adamw: expected the options b1, b2, eps, epsRoot, muDtype, nesterov, weightDecay, mask, got "weightdecay".',
  );
  expect(() => optim.adam(0.1, { weightDecay: 0.1 } as never)).toThrow(ArgumentError);
  expect(() => optim.sgd(0.1, { decay: 0.1 } as never)).toThrow(ArgumentError);
});
