#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "native/trace/form.h"

namespace equinode::trace {

// NOTE [constants owned by a program]: a tensor that was captured while tracing is a constant of the graph, which
// keeps it alive. What a program does never changes after it was made, so several threads may run it at once.
class Program {
 public:
  // The graph's values have the types that were seen, which hold for every run; the forms are those it names.
  Program(std::shared_ptr<torch::jit::Graph> graph, std::vector<std::shared_ptr<const Form>> forms);

  // Runs the graph: where no layer, tape or trace could record it, below autograd, else through the dispatcher from the
  // top, so that the layers of transforms outside see every operator and every piece of control flow.
  std::vector<at::Tensor> run(std::vector<at::Tensor> inputs) const;

  // Runs the graph where it is known that nothing records.
  std::vector<at::Tensor> run_below(std::vector<at::Tensor> inputs) const;

  // Whether it calls back into the host, which takes more than a thread.
  bool needs_host() const { return needs_host_; }

  // The operators in their order, with those of inner blocks.
  std::vector<std::string> operators() const;

  // The captured tensors.
  std::vector<at::Tensor> constants() const;

  // The graph as TorchScript prints it.
  std::string text() const;

  // A tensor of a saved module, by its path in it: `layers.0.weight`.
  struct Attribute {
    std::string name;
    at::Tensor value;
  };

  // Writes a TorchScript module with a `forward` that takes the inputs and returns the tuple of outputs. The first
  // inputs become parameters and buffers of the module. Refuses a program with operators that only this library has.
  void save(const std::string& path, const std::vector<Attribute>& attributes) const;

  // The graph as it was recorded, with control flow as operators. Must not be changed.
  torch::jit::Graph& graph() const { return *graph_; }
  const std::vector<std::shared_ptr<const Form>>& forms() const { return forms_; }

 private:
  // The graph with loops and branches in place of control flow, for any sizes.
  std::shared_ptr<torch::jit::Graph> expanded() const;

  std::shared_ptr<torch::jit::Graph> graph_;
  std::vector<std::shared_ptr<const Form>> forms_;
  bool needs_host_;
  // Made for the first run of their kind.
  mutable std::once_flag fast_once_;
  mutable std::optional<torch::jit::Code> fast_;
  mutable std::once_flag layered_once_;
  mutable std::optional<torch::jit::Code> layered_;
};

}  // namespace equinode::trace
