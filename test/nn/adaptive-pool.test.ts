import { nn, ops, type Tensor } from '../../lib';

const ramp = (...shape: number[]): Tensor =>
  ops
    .arange(
      shape.reduce((product, size) => product * size, 1),
      { dtype: 'float32' },
    )
    .reshape(shape);

// equinox tests/test_nn.py, test_adaptive_avg_pool1d and the like.
test('windows do not overlap, and the first ones are the larger ones', () => {
  const x = ramp(1, 14);
  expect(new nn.AdaptiveAvgPool1d(4).forward(x).toArray()).toEqual([[1.5, 5.5, 9, 12]]);
  expect(new nn.AdaptiveMaxPool1d(4).forward(x).toArray()).toEqual([[3, 7, 10, 13]]);
});

test('exact numbers: two axes', () => {
  const x = ramp(1, 3, 4);
  expect(new nn.AdaptiveAvgPool2d([2, 3]).forward(x).toArray()).toEqual([[[2.5, 4, 5], [8.5, 10, 11]]]); // prettier-ignore
  expect(new nn.AdaptiveMaxPool2d([2, 3]).forward(x).toArray()).toEqual([[[5, 6, 7], [9, 10, 11]]]); // prettier-ignore
});

test('exact numbers: three axes', () => {
  const x = ramp(1, 3, 2, 3);
  expect(new nn.AdaptiveAvgPool3d([2, 1, 3]).forward(x).toArray()).toEqual([[[[4.5, 5.5, 6.5]], [[13.5, 14.5, 15.5]]]]); // prettier-ignore
  expect(new nn.AdaptiveMaxPool3d([2, 1, 3]).forward(x).toArray()).toEqual([[[[9, 10, 11]], [[15, 16, 17]]]]); // prettier-ignore
});
