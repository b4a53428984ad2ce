import {
  ArgumentError,
  filterGrad,
  filterJit,
  filterVmap,
  isArray,
  nn,
  ops,
  random,
  ShapeError,
  tensor,
  tree,
  type Tensor,
} from '../../lib';
import { expectClose } from '../support/close';

const key = random.key(3);

const learnt = new nn.MLP(2, 3, 5, 2, {
  activation: new nn.PReLU(0.1),
  finalActivation: new nn.PReLU(0.2),
  key,
});

test('layers kept as one give what layers of their own give', () => {
  for (const depth of [1, 2, 4]) {
    const alone = new nn.MLP(2, 3, 5, depth, { key });
    const asOne = new nn.MLP(2, 3, 5, depth, { scan: true, key });
    expect(asOne.layers.map((layer) => layer.weight.shape)).toEqual([
      [5, 2],
      [depth - 1, 5, 5],
      [3, 5],
    ]);
    const x = tensor([1, -2]);
    expect(asOne.forward(x).toArray()).toEqual(alone.forward(x).toArray());
    const grads = filterGrad((m: nn.MLP) => m.forward(x).sum())(asOne);
    expect(grads.layers.map((layer) => layer.weight.shape)).toEqual(
      asOne.layers.map((layer) => layer.weight.shape),
    );
  }
});

test('the compiled graph of layers kept as one does not grow with the depth', () => {
  const lines = (depth: number): number => {
    const mlp = new nn.MLP(2, 3, 5, depth, { scan: true, key });
    return filterJit((m: nn.MLP, x: Tensor) => m.forward(x))
      .lower(mlp, tensor([1, -2]))
      .graph.split('\n').length;
  };
  expect(lines(20)).toBe(lines(5));
});

test('activations with parameters have some for every neuron, with gradients', () => {
  const grads = filterGrad((m: nn.MLP, x: Tensor) => m.forward(x).sum())(learnt, tensor([1, -2]));
  expect((learnt.activation as nn.PReLU).negativeSlope.shape).toEqual([2, 5]);
  expect((grads.activation as nn.PReLU).negativeSlope.shape).toEqual([2, 5]);
  expect((grads.finalActivation as nn.PReLU).negativeSlope.shape).toEqual([3]);
});

test('fields come in the order of Equinox, and activations are leaves', () => {
  const mlp = new nn.MLP(2, 3, 5, 1, { key });
  expect(Object.keys(mlp)).toEqual([
    'layers',
    'activation',
    'finalActivation',
    'useBias',
    'useFinalBias',
    'inSize',
    'outSize',
    'widthSize',
    'depth',
    'scan',
  ]);
  expect(tree.leaves(mlp).map((leaf) => (isArray(leaf) ? leaf.shape : typeof leaf))).toEqual([
    [5, 2],
    [5],
    [3, 5],
    [3],
    'function',
    'function',
  ]);
});

test('it gives the same for a batch, and inside jit', () => {
  const batch = tensor([
    [1, -2],
    [0.5, 3],
  ]);
  const alone = [...batch].map((x) => learnt.forward(x).toArray());
  expectClose(filterVmap(learnt)(batch), alone);
  expectClose(filterJit((m: nn.MLP, x: Tensor) => filterVmap(m)(x))(learnt, batch), alone);
});

test('wrong arguments and inputs are refused', () => {
  expect(() => new nn.MLP(2, 3, 5, 1, { key: undefined })).toThrow(
    new ArgumentError(
      'nn.MLP: expected a key for the initial parameters, got undefined. Pass { key: random.key(seed) }.',
    ),
  );
  expect(() => new nn.MLP(2, 3, 5, -1, { key })).toThrow(
    'nn.MLP: expected depth to be an integer of at least 0, got -1.',
  );
  expect(() => new nn.MLP(2, 3, 5, 1, { act: ops.tanh, key } as never)).toThrow(ArgumentError);
  expect(() => learnt.forward(ops.zeros([4, 2]))).toThrow(ShapeError);
});
