#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// Joins chains of views, permutations and copies, which vmap and autograd put around every operator: what cancels goes,
// what stays is one view or permutation of the value at the chain's beginning, and a copy goes where all that read it
// can do with a view as well. For a graph whose values have complete types.
void simplify_layout(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace equinode::trace
