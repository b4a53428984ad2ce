#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// Brings a freshly recorded graph into the form that runs: no dead or repeated nodes, equal constants once. Checks
// (operators without results, such as that of a matrix inverse) stay, since they may raise.
void optimise(const std::shared_ptr<torch::jit::Graph>& graph);

// Takes out what is dead and repeated constants, after control flow was expanded.
void clean(const std::shared_ptr<torch::jit::Graph>& graph);

// Further passes for a graph whose values have complete types, for runs below autograd with just these sizes.
void specialise(const std::shared_ptr<torch::jit::Graph>& graph);

// A copy of the graph that runs under the layers of transforms outside. There tensors may lie in memory in another
// order than when the graph was traced, so that a view may not exist: it becomes a reshape, which copies if it must.
std::shared_ptr<torch::jit::Graph> for_layers(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace equinode::trace
