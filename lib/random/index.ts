/**
 * Random numbers from explicit keys: the same key gives the same numbers, as in `jax.random`, also inside `jit` and
 * `vmap`.
 */
export type { Bound } from './arguments';
export { bernoulli } from './bernoulli';
export { bits } from './bits';
export { categorical, type CategoricalOptions } from './categorical';
export { choice, type ChoiceOptions } from './choice';
export { exponential, gumbel, laplace } from './gumbel';
export { foldIn, key, split, type Key } from './key';
export { normal, truncatedNormal } from './normal';
export { permutation, type PermutationOptions } from './permutation';
export { randint } from './randint';
export { uniform, type UniformOptions } from './uniform';
