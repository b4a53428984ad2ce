#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace equinode::trace {

// Replaces operators that have no derivative by those with one that give the same: what libtorch calls inside
// `linalg.svdvals`, `eigvals`, `eigvalsh` and `embedding_bag` depends on whether a gradient is asked for, and in a
// trace none is.
void take_operators_with_derivatives(torch::jit::Graph& graph);

}  // namespace equinode::trace
