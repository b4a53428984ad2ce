import {
  ArgumentError,
  filter,
  filterGrad,
  isArray,
  nn,
  ops,
  optim,
  random,
  tensor,
  tree,
  TreeError,
  type Tensor,
} from '../../lib';
import { expectClose } from '../support/close';

const model = new nn.MLP(2, 1, 4, 1, { key: random.key(0) });
const grads = filterGrad((m: nn.MLP) => m.forward(tensor([1, -2])).sum())(model);

test('models go in unfiltered, or filtered to their tensors: the state is the same', () => {
  const adam = optim.scaleByAdam();
  const unfiltered = adam.init(model);
  expect(tree.structure(unfiltered).equals(tree.structure(adam.init(filter(model, isArray))))).toBe(true);
  const [updates, next] = adam.update(grads, unfiltered, model);
  expect(updates).toBeInstanceOf(nn.MLP);
  expect([updates.activation, updates.finalActivation]).toEqual([null, null]);
  expect(tree.structure(next).equals(tree.structure(unfiltered))).toBe(true);
});

test('the first step is the sign of the gradient, in every precision', () => {
  for (const dtype of ['float16', 'bfloat16', 'float32', 'float64'] as const) {
    const g = tensor([0.5, -2, 3], { dtype });
    const adam = optim.scaleByAdam();
    const [updates] = adam.update(g, adam.init(g));
    expect(updates.dtype).toBe(dtype);
    expectClose(updates, [1, -1, 1], {
      rtol: dtype === 'bfloat16' ? 1e-2 : dtype === 'float16' ? 1e-3 : 2e-5,
    });
  }
});

test('complex gradients are divided by their size', () => {
  const g = ops.complex(tensor([3, 0]), tensor([4, -2]));
  const adam = optim.scaleByAdam();
  const [updates, state] = adam.update(g, adam.init(g));
  expectClose(
    updates,
    [
      [0.6, 0.8],
      [0, -1],
    ],
    { rtol: 2e-5 },
  );
  expect((state as { nu: Tensor }).nu.dtype).toBe('complex64');
});

test('integers and functions among the parameters get no state', () => {
  const params = { steps: tensor([1, 2], { dtype: 'int64' }), act: ops.relu, rate: 0.5, w: tensor([1]) };
  const { mu } = optim.scaleByAdam().init(params) as { mu: Readonly<Record<string, unknown>> };
  expect([mu['steps'], mu['act'], mu['rate']]).toEqual([null, null, null]);
});

test('updates that are no tensors, or have no state, are refused with their path', () => {
  const adam = optim.scaleByAdam();
  const params = { w: [tensor([1])] };
  expect(() => adam.update({ w: [0.5] }, adam.init(params))).toThrow(
    new ArgumentError(
      "optim.scaleByAdam: expected updates to be tensors or null, got leaf of type number at ['w'][0]. Use filterGrad, or filter the tree.",
    ),
  );
  expect(() => adam.update({ w: [tensor([1])] }, adam.init({ w: [null] }))).toThrow(
    new TreeError(
      "optim.scaleByAdam: expected a tensor in mu for each update, got null at ['w'][0]. Make the state with init from the same parameters.",
    ),
  );
  expect(() => adam.update({ w: [tensor([1])] }, adam.init({ v: [tensor([1])] }))).toThrow(TreeError);
});
