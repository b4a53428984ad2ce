export { combine, filter, partition, type FilterOptions, type FilterSpec } from './filter';
export { isArray, isArrayLike, isInexactArray, isInexactArrayLike, type ArrayLike } from './predicates';
