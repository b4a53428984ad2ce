#include <ATen/ATen.h>
#include <torch/library.h>

// Rules for operators of libtorch that functorch has none for, or a wrong one.

namespace equinode::transform {

namespace {

// libtorch's own rule (v2.13.0) fills a tensor that is not mapped with the values of the last of the batch: it writes
// all of them into the same memory.
at::Tensor index_fill(const at::Tensor& self, int64_t dim, const at::Tensor& index, const at::Tensor& value) {
  TORCH_CHECK(value.dim() == 0, "index_fill: expected a value without axes, got one with ", value.dim());
  const at::Tensor is_filled = at::zeros_like(self, at::kBool).index_fill(dim, index, true);
  return at::where(is_filled, value.to(self.scalar_type()), self);
}

// libtorch's derivatives forward have axes that the results have not.
at::Tensor norm(const at::Tensor& self, const at::Scalar& p) { return at::linalg_vector_norm(self, p); }

at::Tensor norm_as(const at::Tensor& self, const std::optional<at::Scalar>& p, at::ScalarType dtype) {
  return at::linalg_vector_norm(self, p.value_or(2), std::nullopt, /*keepdim=*/false, dtype);
}

// The recurrent layers ask this of tensors that vmap maps; cuDNN's kernels have no batching rules, the others' do.
bool cudnn_is_acceptable(const at::Tensor&) { return false; }

}  // namespace

// The key by which functorch replaces operators under every layer, as PyTorchOperatorHacks.cpp does.
TORCH_LIBRARY_IMPL(aten, FuncTorchDynamicLayerFrontMode, m) {
  m.impl("index_fill.int_Tensor", index_fill);
  m.impl("norm.Scalar", norm);
  m.impl("norm.ScalarOpt_dtype", norm_as);
}

TORCH_LIBRARY_IMPL(aten, FuncTorchBatched, m) { m.impl("cudnn_is_acceptable", cudnn_is_acceptable); }

}  // namespace equinode::transform
