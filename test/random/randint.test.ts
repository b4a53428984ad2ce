import { ArgumentError, DtypeError, random, ShapeError, tensor, type DType } from '../../lib';
import { readFixture } from '../support/fixture';

// jax.random.randint; see scripts/fixtures/keys.py.
const jax = readFixture('random') as {
  readonly randint: readonly (readonly [dtype: DType, low: number, high: number, drawn: unknown])[];
  readonly randintBounds: unknown;
  readonly x64: {
    readonly randint: readonly (readonly [low: number, high: number, drawn: readonly string[]])[];
  };
};
const key = random.key(7);
const int = (data: number[]) => tensor(data, { dtype: 'int64' });

test.each(jax.randint)('randint of %s from %d to %d equals JAX', (dtype, low, high, expected) => {
  const drawn = random.randint(key, [8], low, high, { dtype });
  expect(drawn.dtype).toBe(dtype);
  expect(drawn.toArray()).toEqual(expected);
  const fromTensors = random.randint(key, [8], int([low]), int([high]), { dtype });
  expect(fromTensors.toArray()).toEqual(expected);
  expect(random.randint(key, [8], low, int([high]), { dtype }).toArray()).toEqual(expected);
  expect(random.randint(key, [8], int([low]), high, { dtype }).toArray()).toEqual(expected);
});

test('bounds may be tensors that broadcast', () => {
  const drawn = random.randint(key, [2, 3], int([0, -10, 5]), int([10, 100_000]).reshape([2, 1]));
  expect(drawn.toArray()).toEqual(jax.randintBounds);
});

test.each(jax.x64.randint)('randint of int64 from %d to %d equals JAX', (low, high, expected) => {
  const drawn = random.randint(key, [5], low, high, { dtype: 'int64' });
  expect(Array.from(drawn.toTypedArray() as BigInt64Array, String)).toEqual(expected);
  const fromTensors = random.randint(key, [5], int([low]), int([high]), { dtype: 'int64' });
  expect(fromTensors.toArray()).toEqual(drawn.toArray());
});

test('dtypes and bounds that are no integers are refused', () => {
  expect(() => random.randint(key, [2], 0, 2, { dtype: 'float32' })).toThrow(
    new DtypeError('random.randint: expected an integer dtype other than uint64, got float32.'),
  );
  expect(() => random.randint(key, [2], 0, 1.5)).toThrow(
    new ArgumentError('random.randint: expected maxval to be an integer, got 1.5.'),
  );
  expect(() => random.randint(key, [2], tensor([0, 1]), 2)).toThrow(DtypeError);
  expect(() => random.randint(key, [2], int([0, 1, 2]), 5)).toThrow(ShapeError);
});
