import { nn, ops, random, tensor, treeAt, type Tensor } from '../../lib';
import { expectClose } from '../support/close';

const key = random.key(3);
const ramp = (from: number, to: number, shape: number[]): Tensor =>
  ops.arange(from, to).to('float32').reshape(shape);

/** With all four weights 0 to 15. */
const layer = treeAt(
  ({ queryProj, keyProj, valueProj, outputProj }: nn.MultiheadAttention) =>
    [queryProj, keyProj, valueProj, outputProj].map(({ weight }) => weight),
  new nn.MultiheadAttention(2, 4, { key }),
  Array.from({ length: 4 }, () => ramp(0, 16, [4, 4])),
);

// equinox tests/test_nn.py, test_multihead_attention.
test('exact numbers: one row', () => {
  const x = tensor([[1, 2, 3, 4]]);
  expect(layer.forward(x, x, x).toArray()).toEqual([[680, 1960, 3240, 4520]]);
});

test.each([2, 3])('exact numbers: a mask of %i axes that leaves the first row', (axes) => {
  const x = ramp(1, 13, [3, 4]);
  const row = tensor([true, false, false]);
  const mask = row.expand(axes === 2 ? [3, 3] : [2, 3, 3]);
  const first = [680, 1960, 3240, 4520];
  expect(layer.forward(x, x, x, { mask }).toArray()).toEqual([first, first, first]);
});

test('exact numbers: the weights of attention, with and without a mask', () => {
  // Values that are the unit vectors make the result the weights themselves.
  const identity = ops.eye(2);
  const one = treeAt(
    ({ queryProj, keyProj, valueProj, outputProj }: nn.MultiheadAttention) =>
      [queryProj, keyProj, valueProj, outputProj].map(({ weight }) => weight),
    new nn.MultiheadAttention(1, 2, { key }),
    Array.from({ length: 4 }, () => identity),
  );
  const query = tensor([[0, Math.SQRT2]]);
  expectClose(one.forward(query, identity, identity), [[0.2689414, 0.7310586]], { rtol: 1e-6 });
  const mask = tensor([[true, false]]);
  expect(one.forward(query, identity, identity, { mask }).toArray()).toEqual([[1, 0]]);
});

test('half precision stays, and does not overflow in the softmax', () => {
  const half = new nn.MultiheadAttention(1, 1, { dtype: 'float16', key });
  const ones = treeAt(
    ({ queryProj, keyProj, valueProj, outputProj }: nn.MultiheadAttention) =>
      [queryProj, keyProj, valueProj, outputProj].map(({ weight }) => weight),
    half,
    Array.from({ length: 4 }, () => ops.ones([1, 1], { dtype: 'float16' })),
  );
  const f16 = (rows: number[][]): Tensor => tensor(rows, { dtype: 'float16' });
  const y = ones.forward(f16([[1]]), f16([[9], [1]]), f16([[1], [0]]));
  expect(y.dtype).toBe('float16');
  expect(y.item()).toBeLessThan(1);
});

test('queries, keys and values have lengths and sizes of their own', () => {
  const other = new nn.MultiheadAttention(2, 3, { keySize: 5, valueSize: 7, outputSize: 11, qkSize: 13, voSize: 17, key }); // prettier-ignore
  expect(other.forward(ops.zeros([19, 3]), ops.zeros([23, 5]), ops.zeros([23, 7])).shape).toEqual([19, 11]);
});

test('query, keys and values of other dtypes meet in the one that holds them', () => {
  const attention = new nn.MultiheadAttention(2, 4, { key: random.key(0) });
  const wide = random.normal(random.key(1), [3, 4], { dtype: 'float64' });
  const single = wide.to('float32');
  const mixed = attention.forward(wide, single, single);
  expect(mixed.dtype).toBe('float64');
  expectClose(mixed, attention.forward(single, single, single).to('float64').toArray(), {
    rtol: 1e-5,
    atol: 1e-6,
  });
});
