import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  applyUpdates,
  ArgumentError,
  filter,
  filterJit,
  isArray,
  io,
  nn,
  optim,
  ops,
  random,
  ShapeError,
  tensor,
  tree,
  treeAt,
  TreeError,
  type Tensor,
} from '../../lib';
import { elementsOf, extraOf, optimiserCases } from '../support/optimiser-cases';

const params = { a: ops.arange(6, { dtype: 'float32' }).reshape([2, 3]), b: tensor([1, 2]) };
const gradients = { a: params.a.sub(2).mul(0.1), b: tensor([0.5, -0.25]) };
const folder = mkdtempSync(join(tmpdir(), 'equinode-optim-'));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const steps = (optimiser: optim.GradientTransformation, state: optim.State, count: number, name: string) => {
  let current = params;
  let next = state;
  for (let i = 0; i < count; i++) {
    const [updates, after] = optimiser.update(gradients, next, current, extraOf[name]);
    current = applyUpdates(current, updates);
    next = after;
  }
  return [current, next] as const;
};

// The masks of the others are for three parameters.
const forAll = Object.entries(optimiserCases).filter(
  ([name]) => !['masked', 'freeze', 'selectiveTransform', 'multiTransform'].includes(name),
);

test.each(forAll)('the state of %s saves, and goes on where it was', (name, optimiser) => {
  const masksScalar = ['masked', 'freeze', 'selectiveTransform', 'multiTransform'].includes(name);
  if (masksScalar) {
    expect(name).toBeTruthy();
    return;
  }
  const [, state] = steps(optimiser, optimiser.init(params), 2, name);
  const path = join(folder, 'state.eqx');
  io.treeSerialiseLeaves(path, state);
  const like = tree.map((leaf: Tensor) => leaf.zerosLike(), state);
  const restored = io.treeDeserialiseLeaves(path, like);
  const [expected] = steps(optimiser, state, 2, name);
  const [resumed] = steps(optimiser, restored, 2, name);
  expect(elementsOf(resumed).toArray()).toEqual(elementsOf(expected).toArray());
});

test('a changed hyperparameter counts, and traces nothing anew', () => {
  const optimiser = optim.injectHyperparams((h) => optim.sgd(h.learningRate), { learningRate: 0.1 });
  let traces = 0;
  const step = filterJit((state: optim.State) => {
    traces += 1;
    return optimiser.update(gradients, state, params);
  });
  const first = optimiser.init(params);
  const [updates, second] = step(first);
  expect(updates.b.toArray()).toEqual(gradients.b.mul(-0.1).toArray());
  const changed = treeAt(
    (s: optim.State) => (s as { hyperparams: { learningRate: Tensor } }).hyperparams.learningRate,
    second,
    tensor(0.5),
  );
  const [larger, third] = step(changed);
  expect(larger.b.toArray()).toEqual(gradients.b.mul(-0.5).toArray());
  expect(traces).toBe(1);
  expect((third as { hyperparams: { learningRate: Tensor } }).hyperparams.learningRate.item()).toBe(0.5);
});

test('hasUpdated says when multiSteps has stepped', () => {
  const optimiser = optim.multiSteps(optim.sgd(1), 2);
  let state: optim.State = optimiser.init(params);
  const seen = [optimiser.hasUpdated(state).item()];
  for (let i = 0; i < 3; i++) {
    [, state] = optimiser.update(gradients, state, params);
    seen.push(optimiser.hasUpdated(state).item());
  }
  expect(seen).toEqual([false, false, true, false]);
});

const small = { layers: [{ weight: ops.ones([2, 2]) }] };
const large = { layers: [{ weight: ops.ones([2, 3]) }] };

test.each([
  'adam',
  'trace',
  'ema',
  'lion',
  'rmsprop',
  'adagrad',
  'yogi',
  'radam',
  'adadelta',
  'amsgrad',
  'novograd',
  'multiSteps',
  'rprop',
  'optimisticGradientDescent',
])('the state of another model is refused by %s, with the path', (name) => {
  const optimiser = optimiserCases[name]!;
  const wrong = () => optimiser.update(large, optimiser.init(small), large);
  expect(wrong).toThrow(ShapeError);
  expect(wrong).toThrow(
    "of the update's shape [2,3], got [2,2] at ['layers'][0]['weight']. Make the state with init from the same parameters.",
  );
});

const withState = forAll.filter(([, optimiser]) => tree.leaves(optimiser.init(params)).length > 0);

test.each(withState)('the state of another optimiser is refused by %s', (name, optimiser) => {
  const stateless = tree.leaves(optimiser.init(params)).length === 0;
  if (stateless) {
    expect(name).toBeTruthy();
    return;
  }
  expect(() => optimiser.update(gradients, { other: tensor(1) }, params, extraOf[name])).toThrow(TreeError);
});

const needsParams = ['adamw', 'lamb', 'lars', 'lion', 'adafactor', 'novograd', 'fromage', 'adan', 'nadamw'];

test.each(needsParams)('%s without the parameters says so', (name) => {
  const optimiser = optimiserCases[name]!;
  const error = 'expected the parameters as the third argument of update, got undefined.';
  expect(() => optimiser.update(gradients, optimiser.init(params))).toThrow(ArgumentError);
  expect(() => optimiser.update(gradients, optimiser.init(params))).toThrow(error);
});

test('settings that make no sense are refused, by the function that was asked for', () => {
  const { sgd } = optim;
  expect(() => optim.multiSteps(sgd(1), 0)).toThrow(
    new ArgumentError('optim.multiSteps: expected everyK to be an integer from 1 on, got 0.'),
  );
  expect(() => optim.lookahead(sgd(1), 0, 0.5)).toThrow(ArgumentError);
  expect(() => optim.applyEvery(1.5)).toThrow(ArgumentError);
  expect(() => optim.applyIfFinite(sgd(1), -1)).toThrow(ArgumentError);
  expect(() => optim.applyIfFinite(undefined as never, 1)).toThrow(
    'optim.applyIfFinite: expected the first argument to be a gradient transformation, got undefined.',
  );
  expect(() => optim.addNoise(1, 1, undefined as never)).toThrow(ArgumentError);
  expect(() => optim.scaleByLion({ mode: 'soft' as never })).toThrow(ArgumentError);
  expect(() => optim.scaleByPolyak({ variant: 'x' as never })).toThrow(ArgumentError);
  expect(() => optim.scaleByPolyak().update(gradients, {}, params)).toThrow(
    'optim.scaleByPolyak: expected the loss as value in the fourth argument of update, got undefined. Call update(grads, state, model, { value }).',
  );
  expect(() => optim.scaleBySm3().init({ c: tensor(1) })).toThrow(ShapeError);
  expect(() => optim.lookahead(sgd(1), 1, 0.5).init(params as never)).toThrow(ArgumentError);
  expect(() => optim.perExampleGlobalNormClip([tensor(1)], 1)).toThrow(ShapeError);
  expect(() => optim.namedChain(['a', sgd(1)], ['a', sgd(1)])).toThrow(
    new ArgumentError("optim.namedChain: expected names that differ, got 'a' twice."),
  );
});

test('a label without a transformation is refused, with its path', () => {
  const optimiser = optim.partition({ many: optim.sgd(1) }, { a: 'many', b: 'few' });
  expect(() => optimiser.init(params)).toThrow(
    new ArgumentError("optim.partition: expected the labels 'many', got \"few\" at ['b']."),
  );
});

test('models go in whole, and what is no parameter gets no update', () => {
  const model = new nn.MLP(2, 1, 4, 1, { key: random.key(0) });
  for (const name of ['adam', 'adafactor', 'novograd', 'zeroNans', 'flatten', 'lamb']) {
    const optimiser = optimiserCases[name]!;
    const grads = filter(model, isArray);
    const [updates] = optimiser.update(grads, optimiser.init(model), model);
    expect([name, updates.activation]).toEqual([name, null]);
    expect(updates.layers[0]!.weight.shape).toEqual([4, 2]);
  }
});
