#include "native/transform/vmap.h"

#include <ATen/ATen.h>
#include <ATen/functorch/BatchedTensorImpl.h>

namespace equinode::transform {

namespace functorch = at::functorch;

at::Tensor batch(const at::Tensor& tensor, int64_t axis, int64_t level) {
  return functorch::addBatchDim(tensor, axis < 0 ? axis + tensor.dim() : axis, level);
}

bool is_batched(const at::Tensor& tensor, int64_t level) {
  const auto* batched = functorch::maybeGetBatchedImpl(tensor);
  return batched != nullptr && batched->level() == level;
}

at::Tensor unbatch(const at::Tensor& tensor, int64_t level, int64_t axis, int64_t size) {
  const int64_t rank = tensor.dim() + 1;
  const int64_t at_axis = axis < 0 ? axis + rank : axis;
  if (is_batched(tensor, level)) {
    const auto* batched = functorch::maybeGetBatchedImpl(tensor);
    const at::Tensor value = batched->value();
    return batched->bdim() == at_axis ? value : value.movedim(batched->bdim(), at_axis);
  }
  std::vector<int64_t> sizes = tensor.sizes().vec();
  sizes.insert(sizes.begin() + at_axis, size);
  return tensor.unsqueeze(at_axis).expand(sizes);
}

}  // namespace equinode::transform
