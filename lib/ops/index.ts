/**
 * Every functional operator of libtorch: `ops.name(x, ...)`.
 *
 * Required arguments go by position. Arguments with a default go by position too, or by name in one plain object at
 * the end: `ops.sum(x, 0, { keepdim: true })`. Numbers stand wherever a tensor or a scalar may. Importing this also
 * installs the operators as methods of `Tensor`.
 */
import './convert';
import './indexing';
import './methods';

export * from './generated';
export type { Ints, Layout, MemoryFormat, Reduction, ScalarLike, TensorLike } from './types';
