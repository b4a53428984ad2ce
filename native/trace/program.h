#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace equinode::trace {

// NOTE [constants owned by a program]: a tensor that was captured while tracing is a constant of the graph, which
// keeps it alive. What a program does never changes after it was made, so several threads may run it at once.
class Program {
 public:
  // `fast` computes the same as `graph`, for runs that nothing records.
  Program(std::shared_ptr<torch::jit::Graph> graph, const std::shared_ptr<torch::jit::Graph>& fast);

  // Runs the graph. Below autograd when nothing could record it, else through the dispatcher from the top, so that
  // the layers of transforms outside see every operator.
  std::vector<at::Tensor> run(std::vector<at::Tensor> inputs) const;

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

 private:
  const torch::jit::Code& code() const;

  std::shared_ptr<torch::jit::Graph> graph_;
  torch::jit::Code code_;
  torch::jit::Code fast_code_;
  bool needs_host_;
  // For runs under the layers of transforms outside; made for the first of them.
  mutable std::once_flag once_;
  mutable std::optional<torch::jit::Code> layered_;
};

}  // namespace equinode::trace
