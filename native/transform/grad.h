#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace equinode::transform {

// A differentiable wrapper of a tensor at a Grad level.
at::Tensor wrap_grad(const at::Tensor& tensor, int64_t level);

bool is_wrapped(const at::Tensor& tensor, int64_t level);

// The tensor inside a wrapper of this level; others are returned as they are.
at::Tensor unwrap_grad(const at::Tensor& tensor, int64_t level);

// The gradients of a scalar with respect to wrapped inputs, unwrapped at the level; zeros where it does not depend
// on an input. `create_graph` keeps the gradients themselves differentiable for levels outside.
std::vector<at::Tensor> gradients(const at::Tensor& output, const std::vector<at::Tensor>& inputs, int64_t level,
                                  bool create_graph);

}  // namespace equinode::transform
