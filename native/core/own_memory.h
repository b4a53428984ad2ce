#pragma once

#include <ATen/core/Tensor.h>

namespace equinode::core {

// A tensor with the same values, sizes, strides and offset in a copy of the whole memory.
at::Tensor own_memory(const at::Tensor& tensor);

}  // namespace equinode::core
