#include "native/core/own_memory.h"

#include <ATen/ATen.h>

namespace equinode::core {

at::Tensor own_memory(const at::Tensor& tensor) {
  if (!tensor.has_storage() || tensor.layout() != at::kStrided) return tensor.clone();
  const auto count = static_cast<int64_t>(tensor.storage().nbytes() / tensor.itemsize());
  const at::Tensor memory =
      at::empty({0}, tensor.options().requires_grad(false)).set_(tensor.storage(), 0, {count}, {1});
  at::Tensor own = memory.clone().as_strided(tensor.sizes(), tensor.strides(), tensor.storage_offset());
  own._set_conj(tensor.is_conj());
  own._set_neg(tensor.is_neg());
  return own;
}

}  // namespace equinode::core
