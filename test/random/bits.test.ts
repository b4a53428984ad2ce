import { DtypeError, random } from '../../lib';
import { readFixture } from '../support/fixture';

// jax.random.bits; see scripts/fixtures/keys.py.
const jax = readFixture('random') as {
  readonly bits: Readonly<Record<'uint8' | 'uint16' | 'uint32', unknown>>;
  readonly x64: { readonly bits: readonly string[] };
};
const key = random.key(7);

test.each(['uint8', 'uint16', 'uint32'] as const)('bits in %s equal JAX', (dtype) => {
  const bits = random.bits(key, [2, 3], { dtype });
  expect(bits.dtype).toBe(dtype);
  expect(bits.toArray()).toEqual(jax.bits[dtype]);
});

test('bits in uint64 equal JAX', () => {
  const bits = random.bits(key, [3], { dtype: 'uint64' });
  expect(Array.from(bits.toTypedArray() as BigUint64Array, String)).toEqual(jax.x64.bits);
});

test('without a shape there is one number, of uint32', () => {
  const bits = random.bits(key);
  expect([bits.shape, bits.dtype]).toEqual([[], 'uint32']);
  expect(bits.item()).toBe(random.bits(key, [3]).toArray()[0 as never]);
});

test('signed dtypes are refused', () => {
  expect(() => random.bits(key, [1], { dtype: 'int32' })).toThrow(DtypeError);
});
