import { applyUpdates, ArgumentError, optim, tensor, tree, type Tensor } from '../../lib';
import { expectClose } from '../support/close';

const params = {
  a: tensor([
    [-2, -1, 0],
    [1, 2, 3],
  ]),
  b: tensor([1, 2]),
  c: tensor(0.5),
};
const gradient = tree.map((one: Tensor) => one.mul(0.1).add(0.3), params);

test('a learning rate may be a tensor', () => {
  const byTensor = optim.sgd(tensor(0.1));
  const [updates] = byTensor.update(gradient, byTensor.init(params));
  const byNumber = optim.sgd(0.1);
  const [expected] = byNumber.update(gradient, byNumber.init(params));
  for (const [name, value] of Object.entries(expected))
    expectClose((updates as Readonly<Record<string, Tensor>>)[name]!, value.toArray());
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

// Appendix A.5 of the design: the first three steps from 1 with the gradients 0.5, -0.25, 1 and the rate 0.1.
test.each([
  ['sgd', optim.sgd(0.1), [0.95, 0.975, 0.875]],
  ['adam', optim.adam(0.1), [0.9, 0.8733663, 0.8075551]],
  ['adamw', optim.adamw(0.1), [0.89999, 0.8733473, 0.8075274]],
  ['adabelief', optim.adabelief(0.1), [0.8888889, 0.8605188, 0.787055]],
] as const)('%s has the steps that can be computed by hand', (_name, optimiser, steps) => {
  let param = tensor(1);
  let state = optimiser.init(param);
  [0.5, -0.25, 1].forEach((slope, i) => {
    const [update, next] = optimiser.update(tensor(slope), state, param);
    [param, state] = [param.add(update), next];
    expectClose(param, steps[i], { rtol: 1e-5 });
  });
});

test('leaves that are no parameters keep their places: null stays null, and functions are passed over', () => {
  const model = { w: tensor([1, 2]), act: (x: Tensor) => x, rate: 3, none: null };
  const adam = optim.adamw(0.1);
  const grads = { w: tensor([1, 1]), act: null, rate: null, none: null };
  const [updates] = adam.update(grads, adam.init(model), model);
  expect([updates.act, updates.rate, updates.none]).toEqual([null, null, null]);
  expect(applyUpdates(model, updates).act).toBe(model.act);
});

test('a learning rate that is none, and gradients that are gone, are refused', () => {
  for (const [rate, got] of [
    ['0.1', 'leaf of type string'],
    [NaN, 'NaN'],
    [tensor([0.1, 0.2]), 'float32[2]'],
  ] as const) {
    expect(() => optim.adam(rate as never)).toThrow(
      `optim.adam: expected learningRate to be a finite number, a tensor of no axes or a schedule, got ${got}.`,
    );
  }
  const gone = tensor([1, 2]);
  gone.dispose();
  const sgd = optim.sgd(0.1);
  expect(() => sgd.update({ a: gone }, sgd.init({ a: tensor([1, 2]) }))).toThrow(
    'optim.scale: expected a live tensor',
  );
});
