#pragma once

#include <ATen/core/Tensor.h>

namespace equinode::transform {

// Hides `axis` of a tensor as the batch dimension of a vmap level.
at::Tensor batch(const at::Tensor& tensor, int64_t axis, int64_t level);

// Makes the batch dimension of a level visible at `axis`; a tensor that has none is repeated `size` times.
at::Tensor unbatch(const at::Tensor& tensor, int64_t level, int64_t axis, int64_t size);

bool is_batched(const at::Tensor& tensor, int64_t level);

}  // namespace equinode::transform
