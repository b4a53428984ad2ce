#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace equinode::trace {

// What passes ask about graphs.

// The sizes of a tensor whose type is complete: with dtype and device.
std::optional<std::vector<int64_t>> sizes_of(const torch::jit::Value* value);

// Whether the node views its input in sizes that it is given.
bool is_view(const torch::jit::Node& node);

// Replaces a view by a reshape, which copies where no such view exists.
torch::jit::Node* as_reshape(torch::jit::Graph& graph, torch::jit::Node* view);

// Whether memory of what is used may become part of what the user gives.
bool may_alias(const torch::jit::Use& use);

// Whether the node swaps the axes of a matrix.
bool transposes(const torch::jit::Node* node);

// Whether the value is made in the block, or in one inside.
bool is_inside(const torch::jit::Value* value, const torch::jit::Block* block);

}  // namespace equinode::trace
