#include "native/transform/dual.h"

#include <ATen/ATen.h>
#include <ATen/functorch/TensorWrapper.h>

#include "native/transform/grad.h"

namespace equinode::transform {

// Levels that are nested share libtorch's one dual level, since every level wraps its tensors anew.
constexpr int64_t kDualLevel = 0;

at::Tensor make_dual(const at::Tensor& primal, const at::Tensor& tangent, int64_t level) {
  const at::Tensor wrapped = at::functorch::makeTensorWrapper(primal, level);
  return tangent.defined() ? at::_make_dual(wrapped, tangent, kDualLevel) : wrapped;
}

std::pair<at::Tensor, at::Tensor> unpack_dual(const at::Tensor& dual, int64_t level) {
  if (!is_wrapped(dual, level)) return {dual, at::Tensor()};
  if (!dual._fw_grad(kDualLevel).defined()) return {unwrap_grad(dual, level), at::Tensor()};
  const auto [primal, tangent] = at::_unpack_dual(dual, kDualLevel);
  return {unwrap_grad(primal, level), unwrap_grad(tangent, level)};
}

}  // namespace equinode::transform
