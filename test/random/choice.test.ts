import { ArgumentError, ops, random, ShapeError, tensor } from '../../lib';
import { readFixture } from '../support/fixture';

// jax.random.choice; see scripts/fixtures/keys.py.
const jax = readFixture('random') as { readonly choice: Readonly<Record<string, unknown>> };
const key = random.key(7);
const p = tensor([0.1, 0.2, 0.3, 0.4]);
const rows = ops.arange(12).reshape([3, 4]);

test.each([
  ['10', () => random.choice(key, 10, { shape: [6] })],
  ['scalar', () => random.choice(key, 10)],
  ['without', () => random.choice(key, 10, { shape: [6], replace: false })],
  ['p', () => random.choice(key, 4, { shape: [2, 3], p })],
  ['pWithout', () => random.choice(key, 4, { shape: [3], replace: false, p })],
  ['axis1', () => random.choice(key, rows, { shape: [2, 2], axis: 1 })],
  ['axis1Without', () => random.choice(key, rows, { shape: [3], replace: false, axis: 1 })],
])('choice equals JAX: %s', (name, draw) => {
  expect(draw().toArray()).toEqual(jax.choice[name]);
});

test('numbers make int32, tensors keep their dtype, and nothing may be drawn', () => {
  expect(random.choice(key, 10).dtype).toBe('int32');
  expect(random.choice(key, rows).dtype).toBe(rows.dtype);
  expect(random.choice(key, 0, { shape: [0, 2] }).shape).toEqual([0, 2]);
});

test('what cannot be drawn is refused', () => {
  expect(() => random.choice(key, 0)).toThrow(
    new ArgumentError('random.choice: expected at least one element to draw from, got 0.'),
  );
  expect(() => random.choice(key, 3, { shape: [4], replace: false })).toThrow(
    'random.choice: expected at most 3 draws, as many as there are, without replacement, got 4.',
  );
  expect(() => random.choice(key, 3, { p })).toThrow(
    new ShapeError('random.choice: expected p to have the shape [3], got [4].'),
  );
  expect(() => random.choice(key, tensor(1))).toThrow(ShapeError);
});
