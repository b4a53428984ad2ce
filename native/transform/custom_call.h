#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace equinode::transform {

// See NOTE [custom calls in a program] in native/trace/custom_calls.h.

// Calls the function of a number on this thread.
using CustomCall = std::function<std::vector<at::Tensor>(int64_t id, std::vector<at::Tensor> inputs)>;

// Sets how `custom_call` reaches the host on this thread.
void set_custom_call(CustomCall call);

}  // namespace equinode::transform
