import { DtypeError, filterGrad, random, ShapeError, tensor, type DType, type Tensor } from '../../lib';
import { expectClose } from '../support/close';
import { readFixture } from '../support/fixture';

// jax.random.normal and truncated_normal; see scripts/fixtures/keys.py.
const jax = readFixture('random') as {
  readonly normal: Readonly<Record<string, unknown>>;
  readonly truncatedNormal: unknown;
  readonly x64: { readonly normal: unknown };
};
const key = random.key(7);

// XLA's inverse error function is a polynomial that is off by up to 6e-6 where its results are large.
const tolerances: Readonly<Record<string, number>> = {
  float32: 6e-6,
  complex64: 6e-6,
  float16: 2e-3,
  bfloat16: 8e-3,
};

test.each(Object.entries(jax.normal))('normal of %s equals JAX to rounding', (dtype, expected) => {
  const shape = [dtype === 'complex64' ? 5 : 50];
  const drawn = random.normal(key, shape, { dtype: dtype as DType });
  expect(drawn.dtype).toBe(dtype);
  expectClose(drawn, expected, { rtol: tolerances[dtype] ?? 0 });
});

test('normal of float64 equals JAX to rounding', () => {
  expectClose(random.normal(key, [5], { dtype: 'float64' }), jax.x64.normal, { rtol: 1e-14, atol: 0 });
});

test('truncatedNormal equals JAX to rounding, and stays inside its open interval', () => {
  const drawn = random.truncatedNormal(key, -1, tensor([0.5, 2]), [20, 2]);
  expectClose(drawn, jax.truncatedNormal, { rtol: 6e-6 });
  const narrow = random.truncatedNormal(key, 1, 1 + 2 ** -20, [1000]);
  expect(
    Number(
      narrow
        .gt(1)
        .logicalAnd(narrow.lt(1 + 2 ** -20))
        .all(),
    ),
  ).toBe(1);
});

test('the shape of truncatedNormal comes from the bounds unless given', () => {
  expect(random.truncatedNormal(key, tensor([[-1], [-2]]), tensor([1, 2, 3])).shape).toEqual([2, 3]);
  expect(random.truncatedNormal(key, -1, 1).shape).toEqual([]);
});

test('gradients go through the bounds of truncatedNormal', () => {
  const total = (bound: Tensor) => random.truncatedNormal(key, -1, bound, [10]).sum();
  expect(Number(filterGrad(total)(tensor(1)))).toBeGreaterThan(0);
});

test('other dtypes and bounds that do not broadcast are refused', () => {
  expect(() => random.normal(key, [2], { dtype: 'int32' })).toThrow(
    new DtypeError('random.normal: expected a floating-point or complex dtype, got int32.'),
  );
  expect(() => random.truncatedNormal(key, tensor([1, 2]), 3, [3])).toThrow(ShapeError);
  expect(() => random.truncatedNormal(key, 0, 1, [3], { dtype: 'complex64' })).toThrow(DtypeError);
});
