#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace equinode::transform {

// NOTE [custom rules]: a function with a derivative of its own is an operator whose kernels are JavaScript, so its
// dispatch is too (lib/transform/custom-rule.ts): it looks at the innermost layer, puts it aside and calls the rule at
// the level below. Under vmap that is the rule with the vmap inside it; under jvp it gets primals and tangents; under
// grad its forward part runs, and its results get the node below, whose backward part runs at the level below as well.
// C++'s own `torch::autograd::Function` cannot do that: it refuses to work under a layer.

// The gradients with respect to the inputs, of cotangents (undefined for zero) and what the forward part left. The
// level has ended when its gradients are asked for later.
using RuleBackward = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>& cotangents,
                                                           const std::vector<at::Tensor>& residuals, bool has_ended)>;

// Gives results of a rule, which belong to the level below, to a Grad level (0: libtorch's own tape), with a node that
// calls `backward`.
std::vector<at::Tensor> attach_rule(const std::vector<at::Tensor>& outputs, const std::vector<at::Tensor>& inputs,
                                    std::vector<at::Tensor> residuals, int64_t level, RuleBackward backward);

// Whether a gradient with respect to a tensor is being recorded at a Grad level (0: on libtorch's own tape).
bool is_watched(const at::Tensor& tensor, int64_t level);

}  // namespace equinode::transform
