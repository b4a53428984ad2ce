#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace equinode::trace {

class Program;

// NOTE [control flow]: a loop or a branch is one operator, `equinode::control(Tensor[] inputs, int form) -> Tensor[]`,
// whose form holds the programs of its bodies. Transforms meet it whole: its kernels (native/control/operator.cpp) turn
// forms into batched and differentiated forms, by running their programs again under a layer while recording. Only
// where a graph runs below all layers, is shown or is saved, the operator is replaced by what it stands for: a
// prim::Loop or prim::If with the bodies' nodes in it (native/trace/expand.h).
//
// A graph names a form by a number, since TorchScript knows no such objects; the program keeps its forms alive.
class Form : public std::enable_shared_from_this<Form> {
 public:
  Form();
  virtual ~Form();
  Form(const Form&) = delete;
  Form& operator=(const Form&) = delete;

  int64_t id() const { return id_; }

  // Tensors of memory of their own with the shapes and plausible values of the results: what a trace goes on with, so
  // that its cost does not grow with the number of iterations.
  virtual std::vector<at::Tensor> sketch(const std::vector<at::Tensor>& inputs) const = 0;

  // Inserts at the graph's insert point what computes the results; nothing if the form has no such nodes, and stays an
  // operator.
  virtual std::optional<std::vector<torch::jit::Value*>> expand(
      torch::jit::Graph& graph, const std::vector<torch::jit::Value*>& inputs) const = 0;

  // Whether a body calls back into the host.
  virtual bool needs_host() const = 0;

  // Computes the results, below all layers.
  virtual std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) const;

 private:
  int64_t id_;
  mutable std::once_flag once_;
  mutable std::shared_ptr<const Program> alone_;
};

// The form of a number; throws if it is gone.
std::shared_ptr<const Form> form_of(int64_t id);

// The name of the operator in graphs.
c10::Symbol control_symbol();

// Appends the operator to a graph, and what unpacks its results.
std::vector<torch::jit::Value*> insert_control(torch::jit::Graph& graph, const Form& form,
                                               const std::vector<torch::jit::Value*>& inputs, size_t outputs);

}  // namespace equinode::trace
