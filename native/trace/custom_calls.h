#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// NOTE [custom calls in a program]: when a function with a rule of its own is compiled, its plain operators are
// recorded, and behind them a node `custom_call` with its inputs, the plain results and a number, whose results are
// used. A run under no layer takes the plain results; a run under layers hands the call to the host again, so that the
// rule decides.

// The name of the operator in graphs.
c10::Symbol custom_call_symbol();

// Puts the plain results in the places of the calls.
void take_plain_results(torch::jit::Block* block);

// Takes away the plain results, so that only the calls are left, and what computed them is dead; gives whether there
// was any.
bool forget_plain_results(torch::jit::Graph& graph);

}  // namespace equinode::trace
