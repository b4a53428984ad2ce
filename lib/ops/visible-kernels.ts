/**
 * Overloads that libtorch computes outside its dispatcher where no gradient is asked for, so that neither a trace nor
 * the operators above it see anything: another overload with the same first result is called in their place.
 */
export const visibleKernels: Readonly<Record<string, string>> = {
  'aten::max_pool1d': 'aten::max_pool1d_with_indices',
};
