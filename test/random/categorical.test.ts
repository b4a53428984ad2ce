import { ArgumentError, random, ShapeError, tensor } from '../../lib';
import { readFixture } from '../support/fixture';

// jax.random.categorical; see scripts/fixtures/keys.py.
const jax = readFixture('random') as { readonly categorical: Readonly<Record<string, unknown>> };
const key = random.key(7);
const logits = tensor([
  [0, 1, 2, -1],
  [3, 0, 0, 0.5],
]);

test('categorical equals JAX along each axis and for more draws', () => {
  const last = random.categorical(key, logits);
  expect([last.dtype, last.toArray()]).toEqual(['int32', jax.categorical['last']]);
  expect(random.categorical(key, logits, { axis: 0 }).toArray()).toEqual(jax.categorical['axis0']);
  expect(random.categorical(key, logits, { shape: [5, 2] }).toArray()).toEqual(jax.categorical['shape']);
  expect(random.categorical(key, logits, { axis: 0, shape: [5, 4] }).toArray()).toEqual(
    jax.categorical['shapeAxis0'],
  );
});

test('categorical without replacement equals JAX', () => {
  const drawn = random.categorical(key, logits, { shape: [3, 2], replace: false });
  expect(drawn.toArray()).toEqual(jax.categorical['without']);
});

test('what cannot be drawn is refused', () => {
  expect(() => random.categorical(key, logits, { shape: [5, 2], replace: false })).toThrow(
    'random.categorical: expected at most 4 draws, the number of categories, without replacement, got 5.',
  );
  expect(() => random.categorical(key, logits, { shape: [3] })).toThrow(ShapeError);
  expect(() => random.categorical(key, logits, { axis: 2 })).toThrow(ArgumentError);
  expect(() => random.categorical(key, tensor(1))).toThrow(ShapeError);
});
