import { DtypeError, random } from '../../lib';
import { expectClose } from '../support/close';
import { readFixture } from '../support/fixture';

// jax.random.gumbel, exponential and laplace; see scripts/fixtures/keys.py.
const jax = readFixture('random') as Readonly<Record<string, unknown>>;
const key = random.key(7);

test.each(['gumbel', 'exponential', 'laplace'] as const)('%s equals JAX to rounding', (name) => {
  expectClose(random[name](key, [20]), jax[name]);
});

test.each(['gumbel', 'exponential', 'laplace'] as const)('%s is finite in every precision', (name) => {
  for (const dtype of ['float16', 'bfloat16', 'float32', 'float64'] as const) {
    const drawn = random[name](key, [1000], { dtype });
    expect([drawn.dtype, Number(drawn.isfinite().all())]).toEqual([dtype, 1]);
  }
  expect(() => random[name](key, [1], { dtype: 'int32' })).toThrow(DtypeError);
});
