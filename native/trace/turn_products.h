#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// Takes a matrix product that is only read transposed the other way round: (AB)ᵀ = BᵀAᵀ. A layer W x under vmap is such
// a product; turned, its result lies in memory in the order in which what follows reads it.
void turn_products(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace equinode::trace
