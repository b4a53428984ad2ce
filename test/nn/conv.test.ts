import {
  ArgumentError,
  Complex,
  nn,
  ops,
  random,
  ShapeError,
  tensor,
  tree,
  treeAt,
  type Tensor,
} from '../../lib';
import { expectClose, expectSame } from '../support/close';

const key = random.key(3);

/** A layer with other parameters, as Equinox's tests make them. */
const withParameters = <L extends nn.Conv>(conv: L, weight: Tensor, bias: Tensor): L =>
  treeAt((one: L) => [one.weight, one.bias], conv, [
    weight.reshape(conv.weight.shape),
    bias.reshape(conv.bias!.shape),
  ]);
const ramp = (from: number, to: number, shape: number[]): Tensor =>
  ops.arange(from, to).to('float32').reshape(shape);

// equinox tests/test_nn.py, test_conv1d and the like.
test('exact numbers: Conv1d', () => {
  const conv = withParameters(
    new nn.Conv1d(1, 3, 3, { padding: 1, key }),
    ramp(0, 9, [9]),
    tensor([1, 2, 3]),
  );
  expect(conv.forward(ramp(-3, 3, [1, 6])).toArray()).toEqual([
    [-6, -3, 0, 3, 6, 3],
    [-20, -20, -8, 4, 16, 13],
    [-34, -37, -16, 5, 26, 23],
  ]);
});

const plane = [[-37, -31, -9], [25, 61, 49], [23, 41, 27]]; // prettier-ignore

test('exact numbers: Conv2d, of real and of complex numbers', () => {
  const conv = withParameters(new nn.Conv2d(1, 1, 3, { padding: 1, key }), ramp(0, 9, [9]), tensor(1));
  const x = ramp(-4, 5, [1, 3, 3]);
  expect(conv.forward(x).toArray()).toEqual([plane]);

  const i = new Complex(1, 1);
  const complex = withParameters(
    new nn.Conv2d(1, 1, 3, { padding: 1, dtype: 'complex64', key }),
    ramp(0, 9, [9]).to('complex64'),
    tensor(i),
  );
  const result = ops.viewAsReal(complex.forward(ops.mul(x.to('complex64'), tensor(i))));
  expect(result.toArray()).toEqual([plane.map((row) => row.map((value) => [value, value]))]);
});

test('exact numbers: Conv2d in groups', () => {
  const weight = ops.stack([ramp(0, 9, [9]), ramp(0, 9, [9]).mul(2)]);
  const conv = withParameters(new nn.Conv2d(2, 2, 3, { padding: 1, groups: 2, key }), weight, tensor([1, 2]));
  const x = ramp(-4, 5, [1, 3, 3]);
  const part = tensor(plane).sub(1);
  expect(conv.forward(ops.cat([x, x])).toArray()).toEqual([
    part.add(1).toArray(),
    part.mul(2).add(2).toArray(),
  ]);
});

test('exact numbers: Conv3d', () => {
  const conv = withParameters(
    new nn.Conv3d(1, 1, [2, 1, 1], { padding: [1, 0, 0], key }),
    tensor([0, 1]),
    tensor(1),
  );
  const y = conv.forward(ramp(-4, 4, [1, 2, 2, 2]));
  expect(y.shape).toEqual([1, 3, 2, 2]);
  expect(y.reshape([-1]).toArray()).toEqual([-3, -2, -1, 0, 1, 2, 3, 4, 1, 1, 1, 1]);
});

test('the sizes of results: kernels, strides, and padding that differs from side to side', () => {
  const long = ops.zeros([1, 32]);
  const shape = (options: object): readonly number[] =>
    new nn.Conv1d(1, 3, 3, { key, ...options }).forward(long).shape;
  expect([shape({}), shape({ padding: 1 }), shape({ padding: 1, stride: 2 })]).toEqual([[3, 30], [3, 32], [3, 16]]); // prettier-ignore
  const uneven = new nn.Conv2d(3, 8, 1, { stride: 2, padding: [[0, 1], [0, 3]], key }); // prettier-ignore
  expect(uneven.forward(ops.zeros([3, 32, 32])).shape).toEqual([8, 17, 18]);
});

test('circular padding turns a shift of the input into the same shift of the output', () => {
  const options = { padding: 'same', paddingMode: 'circular', key } as const;
  for (const size of [3, 4]) {
    const conv = new nn.Conv2d(2, 3, size, options);
    const x = random.normal(key, [2, 5, 6]);
    const shift = [1, -2];
    expectClose(conv.forward(x.roll(shift, [1, 2])), conv.forward(x).roll(shift, [1, 2]).toArray(), { rtol: 1e-5, atol: 1e-6 }); // prettier-ignore
  }
});

test('weight and bias are leaves, in this order, and all else is static', () => {
  const conv = new nn.Conv2d(1, 3, 4, { key });
  expectSame(tree.leaves(conv), [conv.weight, conv.bias]);
  expect([conv.weight.shape, conv.bias?.shape]).toEqual([
    [3, 1, 4, 4],
    [3, 1, 1],
  ]);
  expect(Object.keys(conv)).toEqual([
    'numSpatialDims',
    'weight',
    'bias',
    'inChannels',
    'outChannels',
    'kernelSize',
    'stride',
    'padding',
    'dilation',
    'groups',
    'useBias',
    'paddingMode',
  ]);
});

test('wrong inputs are refused, naming the layer and what it takes', () => {
  const conv = new nn.Conv2d(3, 8, 5, { key });
  expect(() => conv.forward(ops.zeros([1, 3, 9, 9]))).toThrow(
    new ShapeError(
      'nn.Conv2d: expected an input of shape [3,height,width], got float32[1,3,9,9]. It takes one example: use filterVmap for a batch.',
    ),
  );
  expect(() => conv.forward(ops.zeros([1, 9, 9]))).toThrow(
    'nn.Conv2d: expected an input of shape [3,height,width], got float32[1,9,9].',
  );
  expect(() => conv.forward(ops.zeros([3, 9, 4]))).toThrow(
    'nn.Conv2d: expected at least 5 cells along axis 2, padding included, for the kernel, got 4 from float32[3,9,4].',
  );
});

test('wrong arguments are refused', () => {
  const options = (given: object): nn.ConvOptions => ({ key, ...given });
  const conv = (given: object) => () => new nn.Conv2d(4, 6, 3, options(given));
  expect(conv({ key: undefined })).toThrow(
    'nn.Conv2d: expected a key for the initial parameters, got undefined. Pass { key: random.key(seed) }.',
  );
  expect(conv({ groups: 4 })).toThrow(
    'nn.Conv2d: expected inChannels and outChannels to be divisible by groups, got 4, 6 and 4.',
  );
  expect(conv({ stride: 0 })).toThrow(
    'nn.Conv2d: expected stride to be one integer of at least 1, or 2 of them, got 0.',
  );
  expect(conv({ dilation: [1, 2, 3] })).toThrow(ArgumentError);
  expect(conv({ padding: 'full' })).toThrow(
    `nn.Conv2d: expected padding to be 'same', 'same_lower', 'valid' or integers, got "full".`,
  );
  expect(conv({ padding: [1, [2, 3]] })).toThrow(
    `nn.Conv2d: expected padding to be one integer, or 2 integers or pairs of integers, or 'same', 'same_lower' or 'valid', got [1,[2,3]].`,
  );
  expect(conv({ paddingMode: 'constant' })).toThrow(
    'nn.Conv2d: expected paddingMode to be one of zeros, reflect, replicate, circular, got "constant".',
  );
  expect(conv({ paddingMode: 'reflect', padding: -1 })).toThrow(
    'nn.Conv2d: expected padding of at least 0 with paddingMode reflect, got [[-1,-1],[-1,-1]].',
  );
  expect(conv({ kernelSize: 3 })).toThrow(ArgumentError);
  expect(() => new nn.Conv2d(4, 6, [3, 3, 3], { key })).toThrow(ArgumentError);
  expect(() => new nn.Conv(4, 4, 6, 3, { key })).toThrow(
    'nn.Conv: expected numSpatialDims to be 1, 2 or 3, got 4.',
  );
});
