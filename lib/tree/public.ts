// What users have as `tree` and `equinode/tree`.
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
