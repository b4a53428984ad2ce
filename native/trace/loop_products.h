#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// Takes matrix products out of loops of a known length, as one large product for all steps instead of a small one in
// each: products of what a scan reads in its steps with what stays (an input times a recurrent layer's weights), and
// sums over the steps of products and sums (the gradients of such weights). The terms of such a sum are added in
// another order. What is collected for it takes memory, so there is a bound on its size. For a graph whose values have
// complete types, and whose loops were freed of what stays the same.
void take_products_out(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace equinode::trace
