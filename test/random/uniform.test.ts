import { DtypeError, filterGrad, ops, random, ShapeError, tensor, type DType } from '../../lib';
import { expectClose } from '../support/close';
import { readFixture } from '../support/fixture';

// jax.random.uniform; see scripts/fixtures/keys.py.
const jax = readFixture('random') as {
  readonly uniform: Readonly<Record<string, unknown>>;
  readonly uniformBounds: unknown;
  readonly sums: { readonly uniform: number };
  readonly x64: { readonly uniform: unknown; readonly uniformBounds: unknown };
};
const key = random.key(7);

test.each(Object.entries(jax.uniform))('uniform of %s equals JAX bit for bit', (name, expected) => {
  const [dtype, minval, maxval] = name.split(',');
  const drawn = random.uniform(key, [50], {
    dtype: dtype as DType,
    minval: Number(minval),
    maxval: Number(maxval),
  });
  expect(drawn.dtype).toBe(dtype);
  expect(drawn.toArray()).toEqual(expected);
});

test('10,000 numbers between initial bounds equal JAX bit for bit', () => {
  const drawn = random.uniform(key, [10_000], { minval: -1 / 28, maxval: 1 / 28 });
  const words = new Uint32Array((drawn.toTypedArray() as Float32Array).buffer);
  expect(words.reduce((sum, word) => sum + word, 0)).toBe(jax.sums.uniform);
});

test('bounds may be tensors that broadcast', () => {
  const minval = tensor([[0], [-1]]);
  const maxval = tensor([1, 2, 30]);
  expect(random.uniform(key, [2, 3], { minval, maxval }).toArray()).toEqual(jax.uniformBounds);
});

test('float64 equals JAX: bit for bit from 0 to 1, to rounding between other bounds', () => {
  expect(random.uniform(key, [5], { dtype: 'float64' }).toArray()).toEqual(jax.x64.uniform);
  const drawn = random.uniform(key, [5], { dtype: 'float64', minval: -0.3, maxval: 0.37 });
  expectClose(drawn, jax.x64.uniformBounds, { rtol: 1e-15, atol: 1e-16 });
});

test('gradients go through the bounds', () => {
  const total = (bound: ReturnType<typeof tensor>) => random.uniform(key, [50], { maxval: bound }).sum();
  expectClose(filterGrad(total)(tensor(2)), random.uniform(key, [50]).sum().item(), { rtol: 1e-5 });
});

test('no numbers for an empty shape', () => {
  expect(random.uniform(key, [0, 3], { minval: 1, maxval: 2 }).shape).toEqual([0, 3]);
});

test('other dtypes and bounds that do not broadcast are refused', () => {
  expect(() => random.uniform(key, [2], { dtype: 'int32' })).toThrow(
    new DtypeError('random.uniform: expected a floating-point dtype, got int32.'),
  );
  expect(() => random.uniform(key, [2], { minval: ops.zeros([3, 2]) })).toThrow(
    new ShapeError('random.uniform: expected minval to broadcast to the shape [2], got the shape [3,2].'),
  );
});
