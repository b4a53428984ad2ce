#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// Brings a freshly recorded graph into the form that runs: no dead or repeated nodes, constants folded and pooled.
void optimise(const std::shared_ptr<torch::jit::Graph>& graph);

// Further passes for a graph whose values have complete types, for runs below autograd with just these sizes.
void specialise(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace equinode::trace
