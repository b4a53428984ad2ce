import { crc32 } from 'node:zlib';
import { EquinodeError, filterGrad, random, tensor, type DType, type Tensor } from '../../lib';
import { expectClose } from '../support/close';
import { numbersOf, readFixture, type Numbers } from '../support/fixture';
import { samplers } from '../support/samplers';

// What jax.random draws; see scripts/fixtures/samplers.py.
const jax = readFixture('samplers') as {
  readonly samples: Readonly<Record<string, readonly [dtype: string, drawn: Numbers]>>;
  readonly slopes: Readonly<Record<string, Numbers>>;
  readonly sweep: Readonly<Record<string, Readonly<Record<string, number>>>>;
};
const key = random.key(7);

test('every sampler is compared with JAX, and no comparison is left out', () => {
  expect(Object.keys(samplers).sort()).toEqual(Object.keys(jax.samples).sort());
  const exported = Object.keys(random).filter((name) => name !== 'key');
  expect(exported.filter((name) => !(name in samplers))).toEqual([]);
});

const tolerances: Readonly<Record<string, number>> = {
  float16: 1e-3,
  bfloat16: 8e-3,
  float32: 2e-6,
  complex64: 2e-6,
  float64: 1e-13,
};

test.each(Object.entries(samplers))('%s draws what JAX draws', (name, draw) => {
  const [dtype, expected] = jax.samples[name]!;
  const drawn = draw(key);
  expect(drawn.dtype).toBe(dtype);
  const numbers = numbersOf(expected);
  if (/^(bool|u?int)/.test(dtype)) expect(drawn.toArray()).toEqual(numbers);
  else expectClose(drawn, numbers, { rtol: tolerances[dtype]!, atol: dtype === 'float64' ? 0 : 2e-7 });
});

test('every function of jax.random is here, but for those of typed keys', () => {
  const { exports } = readFixture('random') as { readonly exports: readonly string[] };
  const camelCase = (name: string): string =>
    name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  expect(exports.filter((name) => !(camelCase(name) in random))).toEqual(
    ['PRNGKey', 'clone', 'key_data', 'key_dtype', 'key_impl', 'wrap_key_data'], // prettier-ignore
  );
});

const sweeps: Readonly<Record<string, (shape: number[], dtype: DType) => Tensor>> = {
  bits: (shape, dtype) => random.bits(key, shape, { dtype }),
  uniform: (shape, dtype) => random.uniform(key, shape, { dtype }),
  randint: (shape, dtype) => random.randint(key, shape, 3, 101, { dtype }),
  split: (shape) => random.split(key, shape),
  bernoulli: (shape) => random.bernoulli(key, 0.37, shape),
  rademacher: (shape) => random.rademacher(key, shape, { dtype: 'int8' }),
  choice: (shape) => random.choice(key, 37, { shape }),
};

test.each(Object.entries(jax.sweep))('%s equals JAX bit for bit in every shape', (name, sums) => {
  const [sampler, dtype] = name.split(':');
  for (const [shape, expected] of Object.entries(sums)) {
    const sizes = shape === '' ? [] : shape.split(',').map(Number);
    const drawn = sweeps[sampler!]!(sizes, dtype as DType);
    expect([shape, crc32(drawn.toTypedArray())]).toEqual([shape, expected]);
  }
});

const rates = [0.3, 1, 2.5, 20];

test.each([
  ['gamma', (a: Tensor) => random.gamma(key, a, [3, 4]), rates],
  ['loggamma', (a: Tensor) => random.loggamma(key, a, [3, 4]), rates],
  ['beta', (a: Tensor) => random.beta(key, a, 2, [3, 2]), [0.3, 2.5]],
] as const)('the gradient of %s is that of JAX', (name, draw, at) => {
  const gradient = filterGrad((a: Tensor) => draw(a).sum())(tensor([...at]));
  expectClose(gradient, jax.slopes[name], { rtol: 2e-4, atol: 1e-6 });
});

const names = Object.keys(random).filter((name) => name !== 'key');
const rest: Readonly<Record<string, unknown[]>> = {
  foldIn: [1],
  randint: [[2], 0, 3],
  permutation: [3],
  choice: [3],
  categorical: [tensor([0, 1])],
  truncatedNormal: [0, 1],
  beta: [1, 1],
  f: [1, 1],
  binomial: [3, 0.5],
  multinomial: [3, tensor([0.5, 0.5])],
  dirichlet: [tensor([1, 1])],
  multivariateNormal: [tensor([0]), tensor([[1]])],
  orthogonal: [2],
  ball: [2],
  triangular: [0, 1, 2],
  weibullMin: [1, 1],
  doubleSidedMaxwell: [0, 1],
  bernoulli: [0.5],
  generalizedNormal: [2],
};
const takesOneNumber = [
  'gamma',
  'loggamma',
  't',
  'chisquare',
  'poisson',
  'pareto',
  'rayleigh',
  'geometric',
  'wald',
];

test.each(names)('%s without a key, or with many, is an error that names it', (name) => {
  const sampler = random[name as 'normal'] as (...args: unknown[]) => Tensor;
  const more = takesOneNumber.includes(name) ? [0.5] : (rest[name] ?? []);
  for (const wrong of [undefined, null, 7, tensor([1, 2]), random.split(key, 3)]) {
    expect(() => sampler(wrong, ...more)).toThrow(EquinodeError);
    expect(() => sampler(wrong, ...more)).toThrow(`random.${name}: expected a`);
    expect(() => sampler(wrong, ...more)).toThrow('key');
  }
});

test('keys and parameters that are gone, complex parameters and shapes that are none name the sampler', () => {
  const gone = (): Tensor => {
    const once = tensor(1);
    once.dispose();
    return once;
  };
  const i = tensor(1).to('complex64');
  expect(() => random.normal(gone(), [2])).toThrow('random.normal: expected a live tensor');
  expect(() => random.gamma(key, gone())).toThrow('random.gamma: expected a live tensor');
  expect(() => random.uniform(key, [2], { minval: i })).toThrow(
    'random.uniform: expected minval to hold real numbers, got complex64[].',
  );
  expect(() => random.bernoulli(key, 0.5, 3 as never)).toThrow('random.bernoulli: expected a shape');
  expect(() => random.categorical(key, null as never)).toThrow(
    'random.categorical: expected logits to be a tensor, got null.',
  );
  expect(() => random.ball(key, 2, { p: 0 })).toThrow(
    'random.ball: expected p to be a finite number above 0, got 0.',
  );
});
