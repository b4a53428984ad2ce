import { filterVmap, nn, ops, random, tensor, treeAt, type Tensor } from '../../lib';

const key = random.key(3);
const ramp = (from: number, to: number, shape: number[]): Tensor =>
  ops.arange(from, to).to('float32').reshape(shape);

/** A layer with other parameters, as Equinox's tests make them. */
const withParameters = <L extends nn.Conv | nn.ConvTranspose>(layer: L, weight: Tensor, bias: Tensor): L =>
  treeAt((one: L) => [one.weight, one.bias], layer, [
    weight.reshape(layer.weight.shape),
    bias.reshape(layer.bias!.shape),
  ]);

// equinox tests/test_nn.py, test_convtranspose1d and the like.
test('exact numbers: ConvTranspose1d', () => {
  const layer = withParameters(new nn.ConvTranspose1d(1, 3, 3, { key }), ramp(0, 9, [9]), tensor([1, 2, 3]));
  expect(layer.forward(ramp(-3, 3, [1, 6])).toArray()).toEqual([
    [-5, -6, -3, 0, 3, 6, 3, 1],
    [-13, -20, -20, -8, 4, 16, 13, 8],
    [-21, -34, -37, -16, 5, 26, 23, 15],
  ]);
});

test('exact numbers: ConvTranspose2d with padding 1 is Conv2d', () => {
  const layer = withParameters(
    new nn.ConvTranspose2d(1, 1, 3, { padding: 1, key }),
    ramp(0, 9, [9]),
    tensor(1),
  );
  expect(
    layer
      .forward(ramp(-4, 5, [1, 3, 3]))
      .reshape([-1])
      .toArray(),
  ).toEqual(
    [-37, -31, -9, 25, 61, 49, 23, 41, 27], // prettier-ignore
  );
});

test('exact numbers: ConvTranspose3d', () => {
  const layer = withParameters(new nn.ConvTranspose3d(1, 1, 2, { key }), ramp(0, 8, [8]), tensor(1));
  expect(
    layer
      .forward(ramp(-4, 4, [1, 2, 2, 2]))
      .reshape([-1])
      .toArray(),
  ).toEqual(
    [-27, -44, -17, -33, -49, -17, -9, -12, -3, -11, -9, 1, 5, 29, 21, 9, 23, 13, 1, 4, 3, 7, 15, 7, 3, 4, 1], // prettier-ignore
  );
});

test('the sizes of results: outputPadding and dilation, and what undoes a convolution', () => {
  const options = { stride: 2, padding: 1, outputPadding: 1, dilation: 2, key };
  const sizes = (layer: nn.ConvTranspose, shape: number[]) => layer.forward(ops.zeros(shape)).shape;
  expect(sizes(new nn.ConvTranspose1d(1, 3, 3, { key }), [1, 32])).toEqual([3, 34]);
  expect(sizes(new nn.ConvTranspose1d(1, 3, 3, options), [1, 31])).toEqual([3, 64]);
  expect(sizes(new nn.ConvTranspose2d(1, 3, 3, options), [1, 31, 31])).toEqual([3, 64, 64]);
  expect(sizes(new nn.ConvTranspose3d(2, 6, 3, options), [2, 4, 5, 6])).toEqual([6, 10, 12, 14]);
  const uneven = { stride: 2, padding: [[0, 1], [0, 3]] as const, key }; // prettier-ignore
  const down = new nn.Conv2d(3, 8, 1, uneven).forward(ops.zeros([3, 32, 32]));
  expect(down.shape).toEqual([8, 17, 18]);
  expect(new nn.ConvTranspose2d(8, 3, 1, uneven).forward(down).shape).toEqual([3, 32, 32]);
});

/** Which outputs depend on which inputs, with kernels of ones: [outputs, inputs]. */
function connections(layer: nn.Conv | nn.ConvTranspose, size: number): Tensor {
  const ones = withParameters(layer, ops.onesLike(layer.weight), ops.zerosLike(layer.bias!));
  // What is linear is known by what it makes of each unit vector.
  const columns = filterVmap((x: Tensor) => ones.forward(x.unsqueeze(0)).reshape([-1]))(ops.eye(size));
  return columns.t();
}

// equinox tests/test_nn.py, test_conv_transpose_same_padding and test_conv_transpose_circular.
describe.each(['zeros', 'circular'] as const)('with paddingMode %s', (paddingMode) => {
  test.each(['same', 'same_lower'] as const)(
    'and padding %s, each output of ConvTranspose depends on the inputs that depend on it in Conv',
    (padding) => {
      for (const kernel of [1, 2, 3, 4]) {
        for (const stride of [1, 2]) {
          for (const dilation of [1, 2]) {
            const options = { stride, dilation, padding, paddingMode, key };
            const size = 8;
            const forward = connections(new nn.Conv1d(1, 1, kernel, options), size);
            const back = connections(new nn.ConvTranspose1d(1, 1, kernel, options), size / stride);
            const which = { kernel, stride, dilation };
            expect([which, back.toArray()]).toEqual([which, forward.t().toArray()]);
          }
        }
      }
    },
  );
});
