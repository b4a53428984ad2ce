#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// Replaces control flow that is held as operators by prim::Loop and prim::If, also within bodies.
// See NOTE [control flow].
void expand_control(const std::shared_ptr<torch::jit::Graph>& graph);

// Moves out of loops what is the same in every iteration.
void hoist_invariants(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace equinode::trace
