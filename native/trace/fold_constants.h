#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// Computes now what depends on constants alone, and what is the same whatever its operand holds (`ones_like`), where it
// is small enough to be kept. For a graph whose values have complete types.
void fold_constants(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace equinode::trace
