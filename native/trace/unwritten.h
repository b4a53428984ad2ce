#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/ir/ir.h>

#include <functional>
#include <string>
#include <unordered_map>

namespace equinode::trace {

// NOTE [memory that is filled in silence]: some of libtorch's composite operators take memory from `at::empty` and fill
// it by pointer, as `at::tensor({1, 2})` does, which no trace sees: the graph would read what no run has written. What
// they fill it with is known while tracing, since the values of traced tensors are refused to them. So memory that a
// graph reads and never writes is a constant, with the values that it has at the trace's end.
class Unwritten {
 public:
  // Whether an operator gives memory as it is, by its name.
  static bool gives_memory(const std::string& name);

  void made(const at::Tensor& tensor, torch::jit::Value* value);
  void written(const at::Tensor& tensor);

  // Has the graph read constants, which `constant` makes of tensors, in the place of memory that nothing has written.
  void become_constants(const std::function<torch::jit::Value*(const at::Tensor&)>& constant) const;

 private:
  struct Memory {
    // Keeps the values until the trace ends.
    at::Tensor tensor;
    torch::jit::Value* value;
  };
  std::unordered_map<const void*, Memory> memories_;
};

}  // namespace equinode::trace
