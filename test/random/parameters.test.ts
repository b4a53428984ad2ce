import {
  DtypeError,
  filterGrad,
  filterVmap,
  ArgumentError,
  OutOfMemoryError,
  random,
  ShapeError,
  tensor,
  type Tensor,
} from '../../lib';
import { expectClose } from '../support/close';
import { thrown } from '../support/thrown';

const key = random.key(3);

test('parameters broadcast to the shape, and give it where there is none', () => {
  const a = tensor([[1], [2]]);
  const b = tensor([1, 2, 3]);
  expect(random.beta(key, a, b).shape).toEqual([2, 3]);
  expect(random.gamma(key, a, [4, 2, 5]).shape).toEqual([4, 2, 5]);
  expect(random.gamma(key, 2).shape).toEqual([]);
  expect(random.dirichlet(key, tensor([[1, 2], [3, 4]])).shape).toEqual([2, 2]); // prettier-ignore
  expect(random.multinomial(key, 5, tensor([0.2, 0.8]), { dtype: 'int32' }).dtype).toBe('int32');
});

test('parameters that do not broadcast are refused, by their names', () => {
  expect(() => random.gamma(key, tensor([1, 2]), [3])).toThrow(
    new ShapeError('random.gamma: expected a to broadcast to the shape [3], got the shape [2].'),
  );
  expect(() => random.binomial(key, 3, tensor([0.1, 0.2]), [3])).toThrow(
    'random.binomial: expected p to broadcast to the shape [3], got the shape [2].',
  );
  expect(() => random.dirichlet(key, tensor(1))).toThrow(ShapeError);
  expect(() => random.multivariateNormal(key, tensor([0, 0]), tensor([[1]]))).toThrow(
    'random.multivariateNormal: expected a mean [..., n] and a covariance [..., n, n], got [2] and [1,1].',
  );
});

test('what is no number, and dtypes that hold no such numbers, are refused', () => {
  expect(() => random.poisson(key, '3' as never)).toThrow(
    new ArgumentError('random.poisson: expected lam to be a number or a tensor, got string.'),
  );
  expect(() => random.gamma(key, 1, [2], { dtype: 'int32' })).toThrow(DtypeError);
  expect(() => random.geometric(key, 0.5, [2], { dtype: 'float32' })).toThrow(DtypeError);
  expect(() => random.orthogonal(key, -1)).toThrow(ArgumentError);
  expect(() => random.gumbel(key, [2], { mode: 'lowest' as never })).toThrow(
    'random.gumbel: expected the mode low, high, highest, got "lowest".',
  );
  expect(() =>
    random.multivariateNormal(key, tensor([0]), tensor([[1]]), [], { method: 'qr' as never }),
  ).toThrow(ArgumentError);
});

test('parameters out of range give NaN or -1, as in JAX, and never hang', () => {
  expect(
    random
      .gamma(key, tensor([-1, NaN]))
      .isnan()
      .toArray(),
  ).toEqual([true, true]);
  expect(random.poisson(key, tensor([-1, NaN, 0])).toArray()).toEqual([-1, -1, 0]);
  expect(
    random
      .binomial(key, tensor([-1, 3, 3, NaN]), tensor([0.5, -0.1, 1.1, 0.5]))
      .isnan()
      .toArray(),
  ).toEqual([true, true, true, true]);
  expect(random.binomial(key, tensor([3, 3, Infinity]), tensor([0, 1, 0.5])).toArray()).toEqual([
    0,
    3,
    Infinity,
  ]);
  expect(random.poisson(key, tensor([1]), [0]).shape).toEqual([0]);
});

test('the gradient of loggamma is that of the logarithm of gamma, under vmap, too', () => {
  const at = tensor([2.5, 4, 9], { dtype: 'float64' });
  const draw = (a: Tensor) => random.gamma(key, a, [3], { dtype: 'float64' });
  const direct = filterGrad((a: Tensor) => random.loggamma(key, a, [3], { dtype: 'float64' }).sum());
  const gradient = filterGrad((a: Tensor) => draw(a).log().sum())(at);
  expectClose(direct(at), gradient.toArray(), { rtol: 1e-9 });
  expectClose(filterVmap(direct)(at.reshape([1, 3])).reshape([3]), gradient.toArray(), { rtol: 1e-9 });
});

test('each element of a multinomial draw adds up to the number of trials', () => {
  const drawn = random.multinomial(key, 100, tensor([[1, 2, 3], [3, 0, 1]])); // prettier-ignore
  expect(drawn.sum(-1).toArray()).toEqual([100, 100]);
  expect(drawn.index(1, 1).item()).toBe(0);
});

test('sizes that fit into no memory are refused in the name of the sampler', () => {
  const sizes = [[2 ** 40, 2 ** 40], [2 ** 50], [Number.MAX_SAFE_INTEGER], [2 ** 41]];
  const draw: Readonly<Record<string, (shape: readonly number[]) => unknown>> = {
    bernoulli: (shape) => random.bernoulli(key, 0.5, shape),
    beta: (shape) => random.beta(key, 1, 1, shape),
    bits: (shape) => random.bits(key, shape),
    categorical: (shape) => random.categorical(key, tensor([0, 1]), { shape }),
    choice: (shape) => random.choice(key, 3, { shape }),
    gamma: (shape) => random.gamma(key, 1, shape),
    geometric: (shape) => random.geometric(key, 0.5, shape),
    gumbel: (shape) => random.gumbel(key, shape),
    normal: (shape) => random.normal(key, shape),
    permutation: (shape) => random.permutation(key, shape[0]!),
    poisson: (shape) => random.poisson(key, 1, shape),
    randint: (shape) => random.randint(key, shape, 0, 9),
    split: (shape) => random.split(key, shape),
    truncatedNormal: (shape) => random.truncatedNormal(key, -1, 1, shape),
    uniform: (shape) => random.uniform(key, shape),
  };
  for (const [name, sampler] of Object.entries(draw)) {
    for (const shape of sizes) {
      const error = thrown(() => sampler(shape));
      expect(error).toBeInstanceOf(OutOfMemoryError);
      expect(error.message).toMatch(
        new RegExp(`^random\\.${name}: expected a shape whose values fit into memory`),
      );
    }
  }
});

test('a probability that is gone is told by geometric', () => {
  const gone = tensor([0.5]);
  gone.dispose();
  expect(() => random.geometric(random.key(0), gone)).toThrow('random.geometric: expected a live tensor');
});
