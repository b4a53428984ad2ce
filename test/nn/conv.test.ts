import {
  ArgumentError,
  filterGrad,
  filterJit,
  filterVmap,
  nn,
  ops,
  random,
  ShapeError,
  tensor,
  tree,
  type Tensor,
} from '../../lib';
import { expectClose, expectSame } from '../support/close';
import { expectCase, layerCase } from '../support/layers';

const key = random.key(3);

/** Equinox's keyword arguments as ours. */
function made(name: string): nn.Conv {
  const { numSpatialDims, in_channels, out_channels, kernel_size, use_bias, padding_mode, ...others } =
    layerCase(name).options as Record<string, never>;
  return new nn.Conv(numSpatialDims!, in_channels!, out_channels!, kernel_size!, {
    ...others,
    useBias: use_bias,
    paddingMode: padding_mode,
    key,
  });
}

test.each([
  'conv1d',
  'conv2d',
  'conv3d',
  'convStride',
  'convPairs',
  'convCrop',
  'convDilation',
  'convGroups',
  'convNoBias',
  'convReflect',
  'convReplicate',
  'convCircular',
  'convSameReflect',
  'convSAME',
  'convSAME_LOWER',
  'convVALID',
])('%s has the parameters and results of Equinox', (name) => {
  expectCase(name, made(name));
});

test('convComplex has the parameters and results of Equinox', () => {
  expectCase('convComplex', new nn.Conv2d(1, 1, 2, { dtype: 'complex64', key }));
});

test('Conv1d, Conv2d and Conv3d are Conv with a number of axes', () => {
  expectCase('conv1d', new nn.Conv1d(2, 4, 3, { key }));
  expectCase('conv2d', new nn.Conv2d(1, 3, 4, { key }));
  expectCase('conv3d', new nn.Conv3d(1, 2, [2, 1, 2], { padding: 1, key }));
});

test('exact numbers: weights 0 to 8, bias 1, padding 1', () => {
  const conv = new nn.Conv2d(1, 1, 3, { padding: 1, key });
  const weight = ops.arange(9, { dtype: 'float32' }).reshape([1, 1, 3, 3]);
  const exact = tree.map((leaf: Tensor) => (leaf.ndim === 4 ? weight : ops.onesLike(leaf)), conv);
  // equinox tests/test_nn.py, test_conv2d.
  expect(exact.forward(ops.arange(-4, 5).to('float32').reshape([1, 3, 3])).toArray()).toEqual([
    [
      [-37, -31, -9],
      [25, 61, 49],
      [23, 41, 27],
    ],
  ]);
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

test.each(['conv2d', 'convPairs', 'convCircular', 'convGroups'])(
  '%s gives the same for a batch, inside jit, and its gradients agree',
  (name) => {
    const conv = made(name);
    const x = tensor(layerCase(name).x as never);
    const batch = ops.stack([x, x.mul(2)]);
    const alone = [conv.forward(x).toArray(), conv.forward(x.mul(2)).toArray()];
    const close = { rtol: 1e-5, atol: 1e-5 };
    expectClose(filterVmap(conv)(batch), alone, close);
    expectClose(filterJit((m: nn.Conv, b: Tensor) => filterVmap(m)(b))(conv, batch), alone, close);

    const total = (m: nn.Conv, b: Tensor) => filterVmap(m)(b).square().sum();
    const one = (m: nn.Conv, b: Tensor) => m.forward(b).square().sum();
    const together = filterGrad(total)(conv, batch);
    const parts = [...batch].map((b) => filterGrad(one)(conv, b));
    expectClose(together.weight, parts[0]!.weight.add(parts[1]!.weight).toArray(), close);
    expectClose(together.bias!, parts[0]!.bias!.add(parts[1]!.bias!).toArray(), close);
  },
);

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
