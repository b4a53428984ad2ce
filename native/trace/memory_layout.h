#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace equinode::trace {

// How the tensors of a graph lie in memory, as their types say. What the trace saw holds in every run, since programs
// and bodies make their inputs contiguous, and no pass gives a reader a worse layout.

using Sizes = std::vector<int64_t>;

// The sizes of a tensor that has elements.
std::optional<Sizes> filled_sizes_of(const torch::jit::Value* value);

std::optional<Sizes> strides_of(const torch::jit::Value* value);

// Whether elements lie in memory in their order, maybe with gaps between the rows.
bool is_ordered(const torch::jit::Value* value);

bool is_contiguous(const torch::jit::Value* value);

// Whether it is so in every run, also where libtorch decides by the strides of axes of size 1, which tell nothing.
bool is_surely_contiguous(const torch::jit::Value* value);

// Says so of a value that is otherwise `like` another.
void set_contiguous(torch::jit::Value* value, const Sizes& sizes, const torch::jit::Value& like);

// Whether a copy is contiguous whatever it is a copy of.
bool makes_contiguous(const torch::jit::Node* copy);

// Operators whose results are contiguous where all that they read is in order.
bool keeps_layout(const torch::jit::Node* node);

}  // namespace equinode::trace
