import { ArgumentError, nn, ops, ShapeError, tensor, tree, type Tensor } from '../../lib';
import { expectClose } from '../support/close';

/** (0, 1, 2, ... modulo 7) - 2, as the fixture's `ramp`. */
const ramp = (shape: readonly number[]) =>
  ops
    .arange(shape.reduce((a, b) => a * b, 1))
    .reshape([...shape])
    .remainder(7)
    .sub(2)
    .to('float32');

// equinox tests/test_nn.py, test_maxpool1d and the like; integers from 0 on.
const rows: readonly (readonly [name: string, pool: nn.Pool, shape: number[], expected: unknown])[] = [
  ['MaxPool1d', new nn.MaxPool1d(2, { stride: 3 }), [1, 14], [[1, 4, 7, 10, 13]]],
  ['MaxPool1d ceil', new nn.MaxPool1d(3, { stride: 3, useCeil: true }), [1, 14], [[2, 5, 8, 11, 13]]],
  ['AvgPool1d', new nn.AvgPool1d(2, { stride: 3 }), [1, 14], [[0.5, 3.5, 6.5, 9.5, 12.5]]],
  ['MaxPool2d', new nn.MaxPool2d(2, { stride: [3, 2] }), [1, 6, 6], [[[7, 9, 11], [25, 27, 29]]]],
  [
    'MaxPool2d ceil',
    new nn.MaxPool2d([3, 3], { stride: 2, padding: [1, 1], useCeil: true }),
    [1, 6, 6],
    [[[7, 9, 11, 11], [19, 21, 23, 23], [31, 33, 35, 35], [31, 33, 35, 35]]],
  ],
  ['AvgPool2d', new nn.AvgPool2d([1, 3], { stride: 2 }), [1, 6, 6], [[[1, 3], [13, 15], [25, 27]]]],
  [
    'MaxPool3d',
    new nn.MaxPool3d(2, { stride: [3, 2, 1] }),
    [1, 4, 4, 4],
    [[[[21, 22, 23], [29, 30, 31]]]],
  ],
  [
    'MaxPool3d ceil',
    new nn.MaxPool3d(3, { stride: 2, padding: [0, 1, 1], useCeil: true }),
    [1, 4, 4, 4],
    [
      [
        [[37, 39, 39], [45, 47, 47], [45, 47, 47]],
        [[53, 55, 55], [61, 63, 63], [61, 63, 63]],
      ],
    ],
  ],
  ['AvgPool3d', new nn.AvgPool3d([1, 3, 1], { stride: 2 }), [1, 4, 4, 4], [[[[4, 6]], [[36, 38]]]]],
]; // prettier-ignore

test.each(rows)('exact numbers: %s', (_name, pool, shape, expected) => {
  const size = shape.reduce((product, one) => product * one, 1);
  for (const dtype of ['int32', 'float32'] as const) {
    expect(pool.forward(ops.arange(size, { dtype }).reshape(shape)).toArray()).toEqual(expected);
  }
});

test('any associative operation reduces windows: the general way agrees with the fast ones', () => {
  const x = ramp([2, 6, 7]);
  const options = {
    stride: [2, 1],
    padding: [
      [1, 0],
      [0, 2],
    ] as const,
    useCeil: true,
  };
  const maximum = (a: Tensor, b: Tensor) => a.maximum(b);
  const add = (a: Tensor, b: Tensor) => a.add(b);
  const general = new nn.Pool(-Infinity, maximum, 2, [3, 2], options);
  expect(general.forward(x).toArray()).toEqual(new nn.MaxPool2d([3, 2], options).forward(x).toArray());
  const sum = new nn.Pool(tensor(0), add, 2, [3, 2], options);
  expectClose(sum.forward(x).div(6), new nn.AvgPool2d([3, 2], options).forward(x).toArray());
  const product = new nn.Pool(1, (a: Tensor, b: Tensor) => a.mul(b), 1, 2);
  expect(product.forward(tensor([[1, 2, 3, 4]])).toArray()).toEqual([[2, 6, 12]]);
});

test('integers of every size have a maximum', () => {
  for (const dtype of ['int8', 'uint8', 'int64'] as const) {
    const pool = new nn.MaxPool2d(2, { padding: 1 });
    const x = tensor(
      [
        [
          [1, 2],
          [3, 4],
        ],
      ],
      { dtype },
    );
    expect(pool.forward(x).toArray()).toEqual([
      [
        [1, 2, 2],
        [3, 4, 4],
        [3, 4, 4],
      ],
    ]);
  }
});

test('init and operation are leaves, in this order', () => {
  expect(tree.leaves(new nn.MaxPool2d(2))).toEqual([-Infinity, ops.maximum]);
  expect(tree.leaves(new nn.AvgPool2d(2))).toEqual([0, ops.add]);
});

test('wrong inputs are refused, naming the layer and what it takes', () => {
  const pool = new nn.MaxPool2d(3);
  expect(() => pool.forward(ops.zeros([2, 3, 9, 9]))).toThrow(
    new ShapeError(
      'nn.MaxPool2d: expected an input of shape [channels,height,width], got float32[2,3,9,9]. It takes one example: use filterVmap for a batch.',
    ),
  );
  expect(() => pool.forward(ops.zeros([3, 2, 9]))).toThrow(
    'nn.MaxPool2d: expected at least 3 cells along axis 1, padding included, for the window, got 2 from float32[3,2,9].',
  );
});

test('wrong arguments are refused', () => {
  expect(() => new nn.MaxPool2d(0)).toThrow(ArgumentError);
  expect(() => new nn.MaxPool2d([2, 2, 2])).toThrow(ArgumentError);
  expect(() => new nn.AvgPool1d(2, { padding: 3 })).toThrow(
    'nn.AvgPool1d: expected padding from 0 to the size of the window, 2 along axis 1, got [3, 3].',
  );
  expect(() => new nn.AvgPool1d(2, { ceilMode: true } as never)).toThrow(
    'nn.AvgPool1d: expected the options stride, padding, useCeil, got "ceilMode".',
  );
});
