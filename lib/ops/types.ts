import type { Complex } from '../base/complex';
import type { Tensor } from '../tensor/tensor';

/** A number of any kind: what stands for a scalar, and for a tensor of no dimensions. */
export type ScalarLike = number | bigint | boolean | Complex;

/** A tensor, or a number in its place. A number never widens the other operand's dtype within its kind. */
export type TensorLike = Tensor | ScalarLike;

/** Sizes, axes, strides: a list, or one number, which stands for a list of one or for every element. */
export type Ints = number | readonly number[];

/** How a loss is reduced: by name, or by libtorch's code (0, 1, 2). */
export type Reduction = 'none' | 'mean' | 'sum' | number;

/** How a tensor's elements lie in memory. */
export type MemoryFormat = 'contiguous' | 'preserve' | 'channels_last' | 'channels_last_3d';

/** How a tensor is stored. */
export type Layout =
  'strided' | 'sparse' | 'sparse_csr' | 'mkldnn' | 'sparse_csc' | 'sparse_bsr' | 'sparse_bsc' | 'jagged';
