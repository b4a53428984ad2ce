/**
 * Arguments that libtorch writes to although the schema does not say so, by ATen name. Tensors never change here, so
 * the call hands over a copy; who needs the new statistics computes them.
 */
export const hiddenWrites: Readonly<Record<string, readonly string[]>> = {
  batch_norm: ['running_mean', 'running_var'],
  batch_norm_gather_stats: ['running_mean', 'running_var'],
  batch_norm_gather_stats_with_counts: ['running_mean', 'running_var'],
  batch_norm_update_stats: ['running_mean', 'running_var'],
  cudnn_batch_norm: ['running_mean', 'running_var'],
  instance_norm: ['running_mean', 'running_var'],
  miopen_batch_norm: ['running_mean', 'running_var'],
  native_batch_norm: ['running_mean', 'running_var'],
};
