#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// Replaces the operators of our own that have a meaning in plain TorchScript: a check becomes a conditional exception,
// what passes a value on becomes the value. Refuses those that have none, since only this library knows them.
void make_portable(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace equinode::trace
