#include "native/transform/substitute.h"

#include <ATen/ATen.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/TensorWrapper.h>

#include "native/base/error.h"
#include "native/transform/dual.h"

namespace equinode::transform {

namespace functorch = at::functorch;

at::Tensor without_level(
    const at::Tensor& tensor, int64_t level, int64_t shift,
    const std::function<at::Tensor(const at::Tensor& at_level, const at::Tensor& below)>& replace) {
  if (const auto* batched = functorch::maybeGetBatchedImpl(tensor)) {
    if (batched->level() <= level) return tensor;
    return functorch::makeBatched(without_level(batched->value(), level, shift, replace), batched->bdim(),
                                  batched->level() - shift);
  }
  const auto* wrapper = functorch::maybeGetTensorWrapper(tensor);
  if (wrapper == nullptr || (wrapper->is_alive() && *wrapper->level() < level)) return tensor;
  if (!wrapper->is_alive() || *wrapper->level() == level) return replace(tensor, wrapper->value());
  require(!tensor.requires_grad(), kTransform,
          "expected a function with a custom rule that captures nothing of a gradient inside the one that the rule is "
          "for, got such a tensor. Pass it as an argument.");
  const auto [primal, tangent] = unpack_dual(tensor, *wrapper->level());
  return make_dual(without_level(primal, level, shift, replace),
                   tangent.defined() ? without_level(tangent, level, shift, replace) : tangent,
                   *wrapper->level() - shift);
}

bool is_differentiated(const at::Tensor& tensor) {
  const auto* wrapper = functorch::maybeGetTensorWrapper(tensor);
  if (wrapper == nullptr || !wrapper->is_alive()) return false;
  return tensor.requires_grad() || tensor._fw_grad(/*level=*/0).defined();
}

}  // namespace equinode::transform
