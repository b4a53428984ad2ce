import * as fc from 'fast-check';
import { ArgumentError, ops, random, ShapeError, tensor } from '../../lib';
import { readFixture } from '../support/fixture';

// jax.random.permutation; see scripts/fixtures/keys.py.
const jax = readFixture('random') as {
  readonly permutation: Readonly<Record<string, unknown>>;
  readonly sums: { readonly permutation: number };
};
const key = random.key(7);
const rows = ops.arange(12).reshape([3, 4]);

test.each([0, 1, 20])('the order of %d numbers equals JAX', (n) => {
  const order = random.permutation(key, n);
  expect([order.dtype, order.shape]).toEqual(['int32', [n]]);
  expect(order.toArray()).toEqual(jax.permutation[n]);
});

test('the order of 60,000 numbers, which takes two rounds, equals JAX', () => {
  const order = random.permutation(key, 60_000).toTypedArray() as Int32Array;
  expect(order.reduce((sum, value, i) => sum + value * i, 0)).toBe(jax.sums.permutation);
});

test('tensors are shuffled along an axis, as one or each vector on its own', () => {
  expect(random.permutation(key, rows, { axis: 1 }).toArray()).toEqual(jax.permutation['axis1']);
  expect(random.permutation(key, rows, { axis: -1 }).toArray()).toEqual(jax.permutation['axis1']);
  expect(random.permutation(key, rows, { axis: 1, independent: true }).toArray()).toEqual(
    jax.permutation['independent'],
  );
});

test('every permutation has each number once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 300 }), fc.nat(), (n, seed) => {
      const order = random.permutation(random.key(seed), n).toArray() as number[];
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
    }),
    { numRuns: 30 },
  );
});

test('what cannot be shuffled is refused', () => {
  expect(() => random.permutation(key, -1)).toThrow(ArgumentError);
  expect(() => random.permutation(key, 1.5)).toThrow(
    'random.permutation: expected a tensor or an integer from 0 on, got 1.5.',
  );
  expect(() => random.permutation(key, tensor(1))).toThrow(ShapeError);
  expect(() => random.permutation(key, rows, { axis: 2 })).toThrow(
    'random.permutation: expected an axis from -2 to 1, got 2.',
  );
});
