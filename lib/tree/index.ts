export { treeAt, type ReplaceFn } from './at';
export { treeCheck, treeFlattenOneLevel } from './check';
export {
  flatten,
  flattenUpTo,
  flattenWithPath,
  leaves,
  structure,
  unflatten,
  type TreeOptions,
} from './flatten';
export type { NodeKind } from './kinds';
export { all, any, map, mapWithPath, reduce, splitOptions, transpose } from './map';
export { atPath, className, keystr, printValue, quote, type Path, type PathKey } from './path';
export { describe, kindOf, register, registerFamily, type Class, type NodeSpec } from './registry';
export { hashStatic, isPlainObject, mix, sameStatic } from './static-value';
export { leafPaths, Structure } from './structure';
export type { Leaf, NodeBrand, nodeBrand, WithLeaves } from './types';
