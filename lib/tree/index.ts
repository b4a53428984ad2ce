export { treeAt, type ReplaceFn } from './at';
export { treeCheck, treeFlattenOneLevel } from './check';
export {
  flatten,
  flattenWithPath,
  leaves,
  leavesWithPath,
  structure,
  unflatten,
  type TreeOptions,
} from './flatten';
export { all, any, broadcast, map, mapWithPath, reduce, transpose } from './map';
export { keystr, type KeystrOptions, type Path, type PathKey } from './path';
export { register, type Class, type NodeSpec } from './registry';
export { Structure } from './structure';
export type { Leaf, NodeBrand, WithLeaves } from './types';

// For the layers above, and without a promise to users.
export { flattenUpTo } from './flatten';
export type { NodeKind } from './kinds';
export { splitOptions } from './map';
export { atPath, className, printValue, quote } from './path';
export { describe, kindOf, registerFamily } from './registry';
export { hashStatic, isContainer, isPlainObject, mix, sameStatic } from './static-value';
export { leafPaths } from './structure';
export type { nodeBrand } from './types';
