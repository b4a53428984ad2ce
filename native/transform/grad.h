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

// Instead of a level that has ended, whose number another may have now.
constexpr int64_t kEnded = -1;

// The tensor inside a wrapper of this level, or of a level that has ended.
at::Tensor unwrap_ended(const at::Tensor& tensor, int64_t level);

// The gradients of several results for their cotangents (undefined for zero) with respect to wrapped inputs; undefined
// where no result depends on an input. The level may be `kEnded`, and the graph stays for further calls.
std::vector<at::Tensor> pull_back(const std::vector<at::Tensor>& outputs, const std::vector<at::Tensor>& cotangents,
                                  const std::vector<at::Tensor>& inputs, int64_t level, bool create_graph);

}  // namespace equinode::transform
