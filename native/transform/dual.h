#pragma once

#include <ATen/core/Tensor.h>

#include <utility>

namespace equinode::transform {

// A tensor of a Jvp level with a tangent; an undefined tangent stands for zero.
at::Tensor make_dual(const at::Tensor& primal, const at::Tensor& tangent, int64_t level);

// The primal and the tangent of a tensor at a Jvp level, out of their wrappers; the tangent is undefined where the
// tensor has none at this level.
std::pair<at::Tensor, at::Tensor> unpack_dual(const at::Tensor& dual, int64_t level);

}  // namespace equinode::transform
