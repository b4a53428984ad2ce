#include "native/effects/batching.h"

#include <ATen/ATen.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/Interpreter.h>
#include <ATen/functorch/PlumbingHelper.h>
#include <ATen/functorch/VmapInterpreter.h>

#include "native/base/error.h"

namespace equinode::effects {

BatchLevel::BatchLevel() : below_(c10::DispatchKey::FuncTorchBatched) {
  const auto layer = at::functorch::maybeCurrentDynamicLayer();
  require(layer.has_value(), kTransform, "no vmap is active");
  level_ = layer->layerId();
  const at::functorch::VmapInterpreterPtr vmap(&layer->interpreter());
  size_ = vmap.batchSize().expect_int();
}

std::pair<at::Tensor, std::optional<int64_t>> BatchLevel::open(const at::Tensor& tensor) const {
  const auto [value, axis] = at::functorch::unwrapTensorAtLevel(tensor, level_);
  return {value, axis};
}

at::Tensor BatchLevel::close(const at::Tensor& tensor, int64_t axis) const {
  return at::functorch::makeBatched(tensor, axis, level_);
}

at::Tensor BatchLevel::front(const at::Tensor& tensor, bool repeat) const {
  const auto [value, axis] = open(tensor);
  if (axis.has_value()) return value.movedim(*axis, 0);
  if (!repeat) return value.unsqueeze(0);
  std::vector<int64_t> sizes = value.sizes().vec();
  sizes.insert(sizes.begin(), size_);
  return value.unsqueeze(0).expand(sizes);
}

}  // namespace equinode::effects
