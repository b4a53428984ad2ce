import { DtypeError, random, ShapeError, tensor } from '../../lib';
import { readFixture } from '../support/fixture';

// jax.random.bernoulli; see scripts/fixtures/keys.py.
const jax = readFixture('random') as { readonly bernoulli: Readonly<Record<string, unknown>> };
const key = random.key(7);

test('bernoulli equals JAX', () => {
  expect(random.bernoulli(key, 0.5, [20]).toArray()).toEqual(jax.bernoulli['0.5']);
  expect(random.bernoulli(key, 0.1, [20]).toArray()).toEqual(jax.bernoulli['0.1']);
  const drawn = random.bernoulli(key, tensor([0.1, 0.9]));
  expect([drawn.dtype, drawn.toArray()]).toEqual(['bool', jax.bernoulli['tensor']]);
});

test('0 is never true, 1 always', () => {
  expect(Number(random.bernoulli(key, 0, [1000]).any())).toBe(0);
  expect(Number(random.bernoulli(key, 1, [1000]).all())).toBe(1);
});

test('integers and shapes that do not broadcast are refused', () => {
  expect(() => random.bernoulli(key, tensor([0, 1], { dtype: 'int32' }))).toThrow(DtypeError);
  expect(() => random.bernoulli(key, tensor([0, 1]), [3])).toThrow(ShapeError);
});
