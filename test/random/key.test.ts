import { ArgumentError, DtypeError, random, ShapeError, tensor, type Tensor } from '../../lib';
import { readFixture } from '../support/fixture';

// jax.random.PRNGKey, split and fold_in; see scripts/fixtures/keys.py.
const jax = readFixture('random') as {
  readonly key: readonly (readonly [seed: number, key: readonly number[]])[];
  readonly split: Readonly<Record<string, unknown>>;
  readonly foldIn: readonly (readonly [data: number, key: readonly number[]])[];
};
const key = random.key(7);
const scalar = (value: number): Tensor => tensor(new Int32Array([value])).reshape([]);

test.each(jax.key)('key(%d) equals JAX', (seed, expected) => {
  expect(random.key(seed).toArray()).toEqual(expected);
  expect(random.key(BigInt(seed)).toArray()).toEqual(expected);
  expect(random.key(seed).dtype).toBe('uint32');
});

test('a tensor makes the same key as a number', () => {
  for (const seed of [0, 5, -5])
    expect(random.key(scalar(seed)).toArray()).toEqual(random.key(seed).toArray());
});

test('split equals JAX, for numbers and shapes', () => {
  expect(random.split(key).toArray()).toEqual(jax.split['2']);
  expect(random.split(key, 3).toArray()).toEqual(jax.split['3']);
  expect(random.split(key, [2, 3]).toArray()).toEqual(jax.split['2,3']);
  expect(random.split(key, 0).shape).toEqual([0, 2]);
});

test('split comes apart like an array', () => {
  const [first, second, third] = random.split(key);
  expect([first?.toArray(), second?.toArray()]).toEqual(jax.split['2']);
  expect(third).toBeUndefined();
});

test.each(jax.foldIn)('foldIn(key, %d) equals JAX', (data, expected) => {
  expect(random.foldIn(key, data).toArray()).toEqual(expected);
  expect(random.foldIn(key, BigInt(data)).toArray()).toEqual(expected);
});

test('foldIn takes tensors modulo 2^32', () => {
  expect(random.foldIn(key, scalar(1)).toArray()).toEqual(random.foldIn(key, 1).toArray());
  expect(random.foldIn(key, scalar(-1)).toArray()).toEqual(random.foldIn(key, 2 ** 32 - 1).toArray());
});

test('seeds that are no integers of 64 bits are refused', () => {
  expect(() => random.key(0.5)).toThrow(ArgumentError);
  expect(() => random.key(2 ** 60)).toThrow(
    'random.key: expected an integer of at most 64 bits as the seed, got 1152921504606847000. Pass one; a bigint above 2^53.',
  );
  expect(() => random.key(2n ** 63n)).toThrow(ArgumentError);
  expect(() => random.key(tensor([1, 2], { dtype: 'int32' }))).toThrow(ShapeError);
  expect(() => random.key(tensor(1))).toThrow(DtypeError);
});

test('data for foldIn that is no 32-bit integer is refused', () => {
  expect(() => random.foldIn(key, -1)).toThrow(
    'random.foldIn: expected an integer from 0 to 2^32 - 1 as the data, got -1. Pass one, or a tensor, which counts modulo 2^32.',
  );
  expect(() => random.foldIn(key, 2 ** 32)).toThrow(ArgumentError);
  expect(() => random.foldIn(key, 0.5)).toThrow(ArgumentError);
  expect(() => random.foldIn(key, tensor([1, 2], { dtype: 'int32' }))).toThrow(ShapeError);
});

test('what is no single key is refused, with the reason', () => {
  expect(() => random.uniform(undefined as never)).toThrow(
    'random.uniform: expected a key, got undefined. Make one with random.key(seed) or random.split(key).',
  );
  expect(() => random.split(0 as never)).toThrow(ArgumentError);
  expect(() => random.normal(tensor([0, 1]))).toThrow(
    'random.normal: expected a key uint32[2], got float32[2]. Make one with random.key(seed).',
  );
  expect(() => random.bits(random.split(key))).toThrow(
    'random.bits: expected a single key uint32[2], got uint32[2,2]. Take the keys apart, or use vmap for many.',
  );
  expect(() => random.split(key, -1)).toThrow(
    'random.split: expected a shape of integers from 0 on, got [-1]. Write it as an array: [2, 3].',
  );
});
