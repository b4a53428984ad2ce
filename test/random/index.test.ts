import { filterJit, filterVmap, ops, random, tensor, vmap, type Tensor } from '../../lib';
import { expectClose } from '../support/close';
import { samplers } from '../support/samplers';

const keys = random.split(random.key(11), 4);
// Logarithms and powers round by whether a vector instruction computes them, which the shape decides; bits, and what is
// made of them by exact operations, do not. Wald numbers lose three digits by cancellation.
const isRounded = (name: string, drawn: Tensor): boolean =>
  /float|complex/.test(drawn.dtype) && !/^(uniform|normal|bernoulli|choice)/.test(name);
const expectDrawn = (name: string, drawn: Tensor, alone: readonly Tensor[]): void => {
  if (isRounded(name, drawn)) expectClose(drawn, ops.stack(alone).toArray(), { rtol: 1e-4, atol: 2e-7 });
  else expect(drawn.toArray()).toEqual(alone.map((one) => one.toArray()));
};
const each = (sampler: (key: random.Key) => Tensor) => [...keys].map((key) => sampler(key));
const values = (t: Tensor) => t.toArray() as unknown[];

const rows = tensor([
  [0, 1, 2, 3],
  [4, 5, 6, 7],
]);
const all: typeof samplers = {
  ...samplers,
  'foldIn of a tensor': (key) => random.foldIn(key, tensor(5, { dtype: 'int32' })),
  'bits of uint8': (key) => random.bits(key, [5], { dtype: 'uint8' }),
  'uniform of tensors': (key) => random.uniform(key, [2], { minval: tensor([-1, 2]), maxval: tensor(5) }),
  'randint of int64': (key) => random.randint(key, [5], 0, 1000, { dtype: 'int64' }),
  'permutation of rows': (key) => random.permutation(key, rows, { axis: 1 }),
};

test.each(Object.entries(all))('%s under vmap draws what each key draws alone', (name, sampler) => {
  expectDrawn(name, vmap(sampler)(keys), each(sampler));
});

test.each(Object.entries(all))('%s draws the same inside jit, for every key', (name, sampler) => {
  expectDrawn(name, ops.stack(each(filterJit(sampler))), each(sampler));
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
