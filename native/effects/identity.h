#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

namespace equinode::effects {

// NOTE [operators that pass values on]: `after`, `stop` and `tap` return their argument as it is. In a run that is the
// same memory. In a trace it is memory of its own, so that the recorder, which knows tensors by their memory, tells the
// result from the argument: else a check whose result nobody uses would stand before every use of the argument.
at::Tensor same_values(const at::Tensor& x);

// Whether a derivative with respect to a tensor is being taken: in reverse mode, in forward mode.
bool is_watched(const at::Tensor& x);
bool has_tangent(const at::Tensor& x);

// Makes gradients and tangents pass from `x` to `result` unchanged. With `refusal`, a gradient that arrives in the
// backward pass is that error instead.
void pass_derivatives(const at::Tensor& x, at::Tensor& result, std::optional<std::string> refusal = std::nullopt);

}  // namespace equinode::effects
