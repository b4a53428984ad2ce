#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace equinode::transform {

// What a tensor is without one Grad or Jvp level: `replace` gives what stands for the tensor of that level, of that
// tensor and of what it wraps; also for a level that has ended. Levels above it count `shift` less. A tensor that has
// none of these levels stays as it is.
at::Tensor without_level(const at::Tensor& tensor, int64_t level, int64_t shift,
                         const std::function<at::Tensor(const at::Tensor& at_level, const at::Tensor& below)>& replace);

// Whether a tensor of a Grad or Jvp level that has not ended takes part in its derivative.
bool is_differentiated(const at::Tensor& tensor);

}  // namespace equinode::transform
