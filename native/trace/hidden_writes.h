#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace equinode::trace {

// Whether a normalisation updates its running statistics, which its schema does not say.
bool updates_statistics(const torch::jit::Node& node);

// Whether a node of the block, or of one inside, writes to what it reads though its schema does not say so.
bool has_hidden_writes(const torch::jit::Block& block);

}  // namespace equinode::trace
