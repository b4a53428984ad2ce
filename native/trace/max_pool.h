#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// Replaces max pooling over the last two axes, float32 on the CPU, by a kernel of our own that works on rows as
// vectors: libtorch's takes one element after the other unless channels lie innermost. Values and indices are the same,
// NaN and ties included.
void use_vector_max_pool(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace equinode::trace
