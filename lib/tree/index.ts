export * from './public';

// For the layers above.
export { flattenUpTo } from './flatten';
export type { NodeKind } from './kinds';
export { splitOptions } from './map';
export { atPath, className, printValue, quote } from './path';
export { describe, kindOf, registerFamily } from './registry';
export { hashStatic, isContainer, isPlainObject, mix, sameStatic } from './static-value';
export { leafParents, leafPaths } from './structure';
export type { nodeBrand } from './types';
