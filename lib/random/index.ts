/**
 * Random numbers from explicit keys: the same key gives the same numbers, as in `jax.random`, also inside `jit` and
 * `vmap`.
 */
export type { Bound, DTypeOption } from './arguments';
export { bernoulli } from './bernoulli';
export { beta, chisquare, dirichlet, f, t } from './beta';
export { bits } from './bits';
export { categorical, type CategoricalOptions } from './categorical';
export { choice, type ChoiceOptions } from './choice';
export { binomial, multinomial, poisson, type MultinomialOptions } from './counts';
export { gamma, loggamma } from './gamma';
export { exponential, gumbel, laplace, type GumbelMode, type GumbelOptions } from './gumbel';
export { cauchy, geometric, logistic, lognormal, pareto, rademacher, rayleigh, triangular } from './inverse';
export { foldIn, key, split, type Key } from './key';
export { normal, truncatedNormal } from './normal';
export {
  ball,
  doubleSidedMaxwell,
  generalizedNormal,
  maxwell,
  multivariateNormal,
  orthogonal,
  wald,
  weibullMin,
  type BallOptions,
  type MultivariateNormalOptions,
  type OrthogonalOptions,
} from './normals';
export { permutation, type PermutationOptions } from './permutation';
export { randint } from './randint';
export { uniform, type UniformOptions } from './uniform';
