import { ops, random, tensor, type Tensor } from '../../lib';

const p = tensor([0.1, 0.2, 0.3, 0.4]);
const logits = tensor([
  [0, 1, 2, -1],
  [3, 0, 0, 0.5],
]);
const rows = ops.arange(12, { dtype: 'float32' }).reshape([3, 4]);
const mean = tensor([1, -2, 0.5]);
const cov = tensor([
  [2, 0.5, 0],
  [0.5, 1, 0.3],
  [0, 0.3, 1.5],
]);
const shapes = tensor([[0.3], [1], [7.5]]);

/** Every sampler, under the names of scripts/fixtures/samplers.py. */
export const samplers: Readonly<Record<string, (key: random.Key) => Tensor>> = {
  split: (key) => random.split(key, 3),
  foldIn: (key) => random.foldIn(key, 5),
  bits: (key) => random.bits(key, [2, 3]),
  uniform: (key) => random.uniform(key, [5], { minval: -2, maxval: 3 }),
  normal: (key) => random.normal(key, [2, 25]),
  normalHalf: (key) => random.normal(key, [9], { dtype: 'float16' }),
  normalBrain: (key) => random.normal(key, [9], { dtype: 'bfloat16' }),
  normalComplex: (key) => random.normal(key, [5], { dtype: 'complex64' }),
  truncatedNormal: (key) => random.truncatedNormal(key, -1, tensor([0.5, 2]), [10, 2]),
  bernoulli: (key) => random.bernoulli(key, 0.3, [17]),
  bernoulliHigh: (key) => random.bernoulli(key, tensor([0.1, 0.5, 0.9]), [7, 3], { mode: 'high' }),
  randint: (key) => random.randint(key, [9], 0, 1000),
  permutation: (key) => random.permutation(key, 21),
  permutationRows: (key) => random.permutation(key, rows, { axis: 1, independent: true }),
  choice: (key) => random.choice(key, rows, { shape: [2], axis: 1 }),
  choiceP: (key) => random.choice(key, 4, { shape: [5], p }),
  choiceHigh: (key) => random.choice(key, 4, { shape: [3], replace: false, p, mode: 'high' }),
  categorical: (key) => random.categorical(key, logits, { shape: [5, 2] }),
  categoricalHigh: (key) => random.categorical(key, logits, { shape: [5, 2], mode: 'high' }),
  categoricalWithout: (key) => random.categorical(key, logits, { shape: [3, 2], replace: false }),
  gumbel: (key) => random.gumbel(key, [20]),
  gumbelHigh: (key) => random.gumbel(key, [20], { mode: 'high' }),
  gumbelHighest: (key) => random.gumbel(key, [40], { mode: 'highest' }),
  exponential: (key) => random.exponential(key, [20]),
  laplace: (key) => random.laplace(key, [20]),
  cauchy: (key) => random.cauchy(key, [20]),
  logistic: (key) => random.logistic(key, [20]),
  pareto: (key) => random.pareto(key, tensor([0.5, 2]), [5, 2]),
  rayleigh: (key) => random.rayleigh(key, tensor([0.5, 2]), [5, 2]),
  weibullMin: (key) => random.weibullMin(key, 2, 1.5, [9]),
  weibullMinShared: (key) => random.weibullMin(key, tensor([1, 2]), 1.5),
  triangular: (key) => random.triangular(key, -1, tensor([0, 1.5]), 2, [5, 2]),
  lognormal: (key) => random.lognormal(key, tensor([0.5, 2]), [5, 2]),
  geometric: (key) => random.geometric(key, tensor([0.1, 0.6]), [10, 2]),
  rademacher: (key) => random.rademacher(key, [17]),
  gamma: (key) => random.gamma(key, shapes, [3, 7]),
  gammaBrain: (key) => random.gamma(key, 2.5, [9], { dtype: 'bfloat16' }),
  loggamma: (key) => random.loggamma(key, tensor([0.001, 0.3, 4]), [5, 3]),
  beta: (key) => random.beta(key, tensor([0.1, 2]), 3, [7, 2]),
  dirichlet: (key) => random.dirichlet(key, tensor([0.1, 1, 5]), [5]),
  t: (key) => random.t(key, tensor([1, 10]), [5, 2]),
  chisquare: (key) => random.chisquare(key, tensor([1, 10]), [5, 2]),
  f: (key) => random.f(key, 3, tensor([1, 10]), [5, 2]),
  poisson: (key) => random.poisson(key, tensor([0, 0.5, 9.9, 10, 250]), [11, 5]),
  binomial: (key) => random.binomial(key, tensor([0, 5, 100, 1000]), tensor([0.3, 0.6, 0.05, 0.7]), [11, 4]),
  multinomial: (key) => random.multinomial(key, tensor([10, 100]), p, { shape: [2, 4] }),
  multivariateNormal: (key) => random.multivariateNormal(key, mean, cov, [4]),
  // The signs of eigenvectors are a matter of the implementation.
  multivariateNormalEigh: (key) =>
    random.multivariateNormal(key, mean.mul(0), ops.diag(tensor([1, 2, 3])), [4], { method: 'eigh' }).abs(),
  orthogonal: (key) => random.orthogonal(key, 3, [2]),
  orthogonalWide: (key) => random.orthogonal(key, 2, [], { m: 4 }),
  orthogonalTall: (key) => random.orthogonal(key, 4, [], { m: 2 }),
  generalizedNormal: (key) => random.generalizedNormal(key, 1.5, [9]),
  ball: (key) => random.ball(key, 3, { shape: [4] }),
  ballP: (key) => random.ball(key, 3, { p: 1.5 }),
  maxwell: (key) => random.maxwell(key, [9]),
  doubleSidedMaxwell: (key) => random.doubleSidedMaxwell(key, 1, 2, [9]),
  doubleSidedMaxwellShapes: (key) => random.doubleSidedMaxwell(key, tensor([1, 2]), 2),
  wald: (key) => random.wald(key, tensor([0.5, 3]), [5, 2]),
  gammaDouble: (key) => random.gamma(key, shapes, [3, 5], { dtype: 'float64' }),
  binomialDouble: (key) =>
    random.binomial(key, tensor([5, 1000]), tensor([0.3, 0.7], { dtype: 'float64' }), [7, 2], {
      dtype: 'float64',
    }),
};
