/**
 * Random numbers from explicit keys: the same key gives the same numbers, as in `jax.random`, also inside `jit` and
 * `vmap`.
 */
export { bits } from './bits';
export { foldIn, key, split, type Key } from './key';
export { normal, truncatedNormal } from './normal';
export { permutation, type PermutationOptions } from './permutation';
export { uniform, type UniformOptions } from './uniform';
