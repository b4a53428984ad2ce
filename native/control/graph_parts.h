#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <vector>

namespace equinode::control {

// Values for the nodes that control flow becomes, inserted at the graph's insert point.

// The values as tensors that lie in memory in the order of their elements, as programs expect their inputs.
std::vector<torch::jit::Value*> contiguous(torch::jit::Graph& graph, const std::vector<torch::jit::Value*>& values);

// The truth of a tensor: of any of its elements if there are several.
torch::jit::Value* truth(torch::jit::Graph& graph, torch::jit::Value* tensor, bool is_scalar);

// A new input of a block with the type of another value.
torch::jit::Value* block_input(torch::jit::Block* block, const torch::jit::Value* like);

// Elements of `one` where `mask` is true, else of `other`. The mask's axes are the first of theirs.
torch::jit::Value* select(torch::jit::Graph& graph, torch::jit::Value* mask, torch::jit::Value* one,
                          torch::jit::Value* other, int64_t mask_rank);

// What a graph's value looked like when it was recorded.
struct Seen {
  std::vector<int64_t> sizes;
  c10::ScalarType dtype;
  c10::Device device;
};
Seen seen(const torch::jit::Value* value);

}  // namespace equinode::control
