import type { Question } from './operator-check';

/** Overloads, separated by spaces, and what is said of them. */
export interface Group {
  readonly reason: string;
  readonly overloads: string;
}

/** A question that overloads do not pass, with what they answer. */
export interface Refusal extends Group {
  readonly question: Question;
  readonly says: RegExp;
  /** Whether it answers so only after some tensor of the process has asked for gradients. */
  readonly isLate?: true;
}

/** Overloads without samples. */
export const leftOut: readonly Group[] = [
  {
    reason: 'runs on CUDA only',
    overloads: `addmm.dtype baddbmm.dtype bmm.dtype mm.dtype batch_norm_backward_elemt batch_norm_backward_reduce
      batch_norm_elemt batch_norm_gather_stats batch_norm_gather_stats_with_counts batch_norm_stats conv_depthwise3d
      pin_memory`,
  },
  {
    reason: "calls NVIDIA's cuDNN",
    overloads: `cudnn_affine_grid_generator cudnn_affine_grid_generator_backward cudnn_batch_norm
      cudnn_batch_norm_backward cudnn_convolution cudnn_convolution_add_relu cudnn_convolution_relu
      cudnn_convolution_transpose cudnn_grid_sampler cudnn_grid_sampler_backward`,
  },
  {
    reason: "calls AMD's MIOpen",
    overloads: `miopen_batch_norm miopen_batch_norm_backward miopen_convolution miopen_convolution_add_relu
      miopen_convolution_relu miopen_convolution_transpose miopen_ctc_loss miopen_ctc_loss.Tensor
      miopen_depthwise_convolution miopen_rnn miopen_rnn_backward`,
  },
  {
    reason: "runs on Apple's GPUs only",
    overloads: `lstm_mps_backward mps_convolution_backward mps_convolution_transpose_backward max_pool2d_backward`,
  },
  {
    reason: 'is for backends outside libtorch',
    overloads: 'convolution_overrideable convolution_backward_overrideable',
  },
  {
    reason: 'takes or makes tensors of quantised dtypes, which the library does not have',
    overloads: `dequantize.tensors empty_quantized int_repr q_per_channel_axis q_per_channel_scales
      q_per_channel_zero_points q_scale q_zero_point quantize_per_channel quantize_per_tensor
      quantize_per_tensor.tensor_qparams quantize_per_tensor.tensors quantize_per_tensor_dynamic quantized_batch_norm
      quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d`,
  },
  {
    reason: 'takes weights that FBGEMM packed, whose memory is no numbers',
    overloads: `fbgemm_linear_fp16_weight fbgemm_linear_fp16_weight_fp32_activation fbgemm_linear_int8_weight
      fbgemm_linear_int8_weight_fp32_activation quantized_gru.data_legacy quantized_gru.input_legacy quantized_gru_cell
      quantized_lstm.data_legacy quantized_lstm.input_legacy quantized_lstm_cell quantized_rnn_relu_cell
      quantized_rnn_tanh_cell`,
  },
  {
    reason: 'takes nested tensors, which the library does not have',
    overloads: 'linear_backward matmul_backward nested_to_padded_tensor to_padded_tensor',
  },
  {
    reason: 'is never called: torch.stft, which centres, is stft.center and takes every call',
    overloads: 'stft',
  },
  { reason: 'makes complex32, which the library does not have', overloads: 'chalf' },
  { reason: 'has no kernel in libtorch for sparse tensors, and refuses others', overloads: 'indices_copy' },
  {
    reason: 'needs the workspace that oneDNN left in the forward call, which is no numbers',
    overloads: 'mkldnn_max_pool2d_backward mkldnn_max_pool3d_backward mkldnn_rnn_layer_backward',
  },
];

/** Overloads whose samples another overload of the name takes, with the same result. */
export const unreached: readonly Group[] = [{ reason: 'is `range` with a step', overloads: 'range.step' }];

const readsValues = /^ERR_CONCRETISATION: /;
const readsMemory = /^ERR_TRANSFORM: \w+: expected an operator that calls others/;
const otherLayout = /^ERR_TRANSFORM: \w+: expected an operator on tensors of strided layout/;

/**
 * What overloads answer where they cannot do what is asked. Not here, for the samples show it: random operators inside
 * jit and vmap, tensors of other layouts as arguments inside jit, operators to which PyTorch gives no derivative.
 */
export const refusals: readonly Refusal[] = [
  {
    question: 'jit',
    says: readsValues,
    reason: 'a shape or a number that it returns depends on values',
    overloads: `allclose argwhere bincount combinations equal fbgemm_linear_quantize_weight index.Tensor is_nonzero item
      linalg_lstsq masked_select narrow.Tensor nonzero nonzero_numpy one_hot repeat_interleave.Tensor
      repeat_interleave.self_Tensor tensor_split.tensor_indices_or_sections unique_consecutive unique_dim
      unique_dim_consecutive where`,
  },
  {
    question: 'jit',
    says: readsValues,
    reason: 'libtorch checks values, or takes sizes from them, and computes nothing where the check fails',
    overloads: `cov cumprod_backward gru.data lstm.data nanquantile quantile
      rnn_relu.data rnn_tanh.data`,
  },
  {
    question: 'jit',
    says: /^same numbers: \[3\]: null, not a tensor$/,
    reason:
      'its last result is a workspace for the backward call, which oneDNN makes only where autograd may run',
    overloads: 'mkldnn_rnn_layer',
  },
  {
    question: 'jit',
    says: readsValues,
    reason:
      "libtorch takes its shape for one that values decide, and writes lengths into memory that no trace sees; `optim`'s compiles",
    overloads: 'ctc_loss.IntList ctc_loss.Tensor',
  },
  {
    question: 'vmap',
    says: readsValues,
    reason: 'a shape or a number that it returns depends on values, or libtorch checks values',
    overloads: `argwhere index.Tensor index_put is_nonzero item narrow.Tensor nonzero nonzero_numpy
      sparse_bsc_tensor.ccol_row_value sparse_bsr_tensor.crow_col_value sparse_csc_tensor.ccol_row_value
      sparse_csr_tensor.crow_col_value unique_consecutive unique_dim unique_dim_consecutive where`,
  },
  {
    question: 'vmap',
    says: readsMemory,
    reason: 'computes outside the dispatcher',
    overloads: `choose_qparams_optimized fbgemm_linear_quantize_weight fbgemm_pack_gemm_matrix_fp16
      fbgemm_pack_quantized_matrix fbgemm_pack_quantized_matrix.KN gru.data lstm.data rnn_relu.data rnn_tanh.data
      tensor_split.tensor_indices_or_sections`,
  },
  {
    question: 'vmap',
    says: otherLayout,
    reason: 'functorch knows strided tensors only',
    overloads: `embedding_sparse_backward resize_as_sparse sparse_bsc_tensor.ccol_row_value_size
      sparse_bsr_tensor.crow_col_value_size sparse_compressed_tensor.comp_plain_value
      sparse_compressed_tensor.comp_plain_value_size sparse_coo_tensor.indices sparse_coo_tensor.indices_size
      sparse_csc_tensor.ccol_row_value_size sparse_csr_tensor.crow_col_value_size to_mkldnn to_sparse
      to_sparse.sparse_dim to_sparse_bsc to_sparse_bsr to_sparse_csc to_sparse_csr`,
  },
  {
    question: 'vmap',
    says: /^ERR_TRANSFORM: \w+: expected an operator that makes its result anew/,
    reason:
      'is composed of writes into a tensor that is not mapped where one of its arguments alone is, or none is',
    overloads: `conv_tbc_backward gru.input gru_cell infinitely_differentiable_gelu_backward lstm.input lstm_cell
      matrix_exp_backward pad_sequence rnn_relu.input rnn_relu_cell rnn_tanh.input rnn_tanh_cell vander`,
  },
  {
    question: 'vmap',
    says: /^ERR_TRANSFORM: \w+: expected tensors that vmap maps together/,
    reason: "functorch's rule wants what the forward call returned mapped as its input is",
    overloads: 'native_batch_norm_backward native_group_norm_backward native_layer_norm_backward',
  },
  {
    question: 'vmap',
    says: /^ERR_TRANSFORM: \w+: libtorch refused .*were not batched/,
    reason: 'updates running statistics in place, which must then be mapped too',
    overloads: 'batch_norm native_batch_norm',
  },
  {
    question: 'vmap',
    says: /^ERR_TRANSFORM: \w+: libtorch refused .*([bB]atching rule|vmap)/,
    reason: 'functorch has no rule for it, or for what it calls, and cannot loop',
    overloads: `allclose as_strided_scatter cov data equal histogramdd histogramdd.TensorList_bins histogramdd.int_bins
      is_contiguous.memory_format is_pinned is_set_to lift_fresh linalg_matrix_rank.atol_rtol_tensor
      linalg_matrix_rank.tol_tensor masked_select masked_select_backward one_hot rrelu slice_inverse split_copy.Tensor
      unsafe_split_with_sizes`,
  },
  {
    question: 'vmap',
    says: /^ERR_OPERATOR: select: libtorch refused float64\[0\], 0, 0/,
    reason: "functorch's rule takes an empty result, of what was not asked for, for one that is mapped",
    overloads: 'lu_unpack',
  },
  {
    question: 'grad',
    says: readsMemory,
    reason:
      "reads the lengths from memory; with the lengths as tensors, or with `optim`'s, there is a gradient",
    overloads: 'ctc_loss.IntList',
  },
  {
    question: 'grad',
    says: /noise_backward' is not differentiable with respect to argument 'noise'/,
    reason: 'its derivative has none in turn, as `grad` asks where a tape may record it',
    overloads: 'rrelu_with_noise_functional',
    isLate: true,
  },
  {
    question: 'grad',
    says: otherLayout,
    reason: 'functorch knows strided tensors only',
    overloads: `sparse_compressed_tensor.comp_plain_value sparse_compressed_tensor.comp_plain_value_size
      sparse_sampled_addmm to_sparse_bsc to_sparse_bsr to_sparse_csc to_sparse_csr`,
  },
  {
    question: 'grad',
    says: /^slope -1\.97272\d*, differences -1\.72449/,
    reason:
      'eigenvectors are free up to a phase, and libtorch refuses losses that depend on it outside transforms only',
    overloads: 'linalg_eig',
  },
  {
    question: 'jvp',
    says: /^ERR_TRANSFORM: \w+: libtorch refused .*Trying to use forward AD with \w+ that does not support it/,
    reason: 'libtorch has its derivative in reverse mode only',
    overloads: `cdist conv_tbc embedding_bag embedding_bag.padding_idx grid_sampler_2d grid_sampler_2d_backward
      grid_sampler_3d grid_sampler_3d_backward huber_loss_backward index_reduce multi_margin_loss
      multilabel_margin_loss multilabel_margin_loss_forward native_dropout_backward
      ormqr pdist segment_reduce slow_conv3d slow_conv3d_forward slow_conv_dilated2d
      slow_conv_dilated3d slow_conv_transpose2d slow_conv_transpose3d soft_margin_loss_backward thnn_conv2d`,
  },
  {
    question: 'jvp',
    says: /^slope (8\.79419|22\.36148)\d*, not -(21\.88465|40\.65279)/,
    reason:
      "libtorch's derivative in forward mode is wrong; linalg_solve_triangular, which replaces it, has the right one",
    overloads: 'triangular_solve',
  },
  {
    question: 'jit of vmap',
    says: /\[3\]: null, not a tensor$/,
    reason: 'as under jit',
    overloads: 'mkldnn_rnn_layer',
  },
  {
    question: 'vmap of jit',
    says: /\[3\]: null, not a tensor$/,
    reason: 'as under jit',
    overloads: 'mkldnn_rnn_layer',
  },
  {
    question: 'vmap of jit',
    says: /^ERR_TRANSFORM: jit: expected an operator that makes its result anew/,
    reason:
      'is recorded as the writes that it is composed of where nothing is mapped; vmap alone sees others',
    overloads: 'cummaxmin_backward trace_backward value_selecting_reduction_backward',
  },
  {
    question: 'vmap of jit',
    says: /^ERR_TRANSFORM: jit: Batching rule not implemented for aten::sum\.IntList_out/,
    reason:
      'is recorded as the writes that it is composed of where nothing is mapped; vmap alone sees others',
    overloads: `linalg_matrix_rank linalg_matrix_rank.atol_rtol_float linalg_matrix_rank.atol_rtol_tensor
      linalg_matrix_rank.tol_tensor`,
  },
  {
    question: 'jit of grad',
    says: readsValues,
    reason:
      'its derivative picks by a mask, so that its shape depends on values; `where` has one that does not',
    overloads: 'index_put',
  },
  {
    question: 'vmap of grad',
    says: readsValues,
    reason: 'its derivative by products looks for zeros',
    overloads: 'index_reduce',
  },
];
