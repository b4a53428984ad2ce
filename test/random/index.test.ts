import { filterJit, filterVmap, ops, random, tensor, vmap, type Tensor } from '../../lib';

const logits = tensor([
  [0, 1, 2, -1],
  [3, 0, 0, 0.5],
]);
const rows = ops.arange(12).reshape([3, 4]);

const samplers: Readonly<Record<string, (key: random.Key) => Tensor>> = {
  split: (key) => random.split(key, 3),
  foldIn: (key) => random.foldIn(key, 5),
  'foldIn of a tensor': (key) => random.foldIn(key, tensor(5, { dtype: 'int32' })),
  'bits of uint8': (key) => random.bits(key, [5], { dtype: 'uint8' }),
  bits: (key) => random.bits(key, [2, 3]),
  uniform: (key) => random.uniform(key, [5], { minval: -2, maxval: 3 }),
  'uniform of tensors': (key) => random.uniform(key, [2], { minval: tensor([-1, 2]), maxval: tensor(5) }),
  normal: (key) => random.normal(key, [5]),
  'normal of complex64': (key) => random.normal(key, [5], { dtype: 'complex64' }),
  truncatedNormal: (key) => random.truncatedNormal(key, -1, 1, [5]),
  bernoulli: (key) => random.bernoulli(key, 0.3, [5]),
  randint: (key) => random.randint(key, [5], 0, 1000),
  'randint of int64': (key) => random.randint(key, [5], 0, 1000, { dtype: 'int64' }),
  permutation: (key) => random.permutation(key, 20),
  'permutation of rows': (key) => random.permutation(key, rows, { axis: 1, independent: true }),
  choice: (key) => random.choice(key, rows, { shape: [2], axis: 1 }),
  'choice with p': (key) => random.choice(key, 4, { shape: [2], p: tensor([0.1, 0.2, 0.3, 0.4]) }),
  categorical: (key) => random.categorical(key, logits),
  gumbel: (key) => random.gumbel(key, [5]),
  exponential: (key) => random.exponential(key, [5]),
  laplace: (key) => random.laplace(key, [5]),
};
const keys = random.split(random.key(11), 4);
const each = (sampler: (key: random.Key) => Tensor) => [...keys].map((key) => sampler(key).toArray());
const values = (t: Tensor) => t.toArray() as unknown[];

test.each(Object.entries(samplers))('%s under vmap draws what each key draws alone', (_name, sampler) => {
  expect(values(vmap(sampler)(keys))).toEqual(each(sampler));
});

test.each(Object.entries(samplers))('%s draws the same inside jit, for every key', (_name, sampler) => {
  const jitted = filterJit(sampler);
  expect([...keys].map((key) => values(jitted(key)))).toEqual(each(sampler));
});

test('jit of vmap of vmap draws the same', () => {
  const nested = filterJit(filterVmap(filterVmap((key: random.Key) => random.normal(key, [3]))));
  const grid = random.split(random.key(3), [2, 2]);
  const expected = [...grid].map((row) => [...row].map((key) => random.normal(key, [3]).toArray()));
  expect(values(nested(grid))).toEqual(expected);
});

test('keys may be made inside jit, from a seed that is an argument', () => {
  const draw = filterJit((seed: Tensor) => random.uniform(random.key(seed), [3]));
  expect(values(draw(tensor(5, { dtype: 'int32' })))).toEqual(values(random.uniform(random.key(5), [3])));
  expect(values(draw(tensor(6, { dtype: 'int32' })))).toEqual(values(random.uniform(random.key(6), [3])));
});
