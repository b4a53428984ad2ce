#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include <memory>
#include <string>
#include <vector>

namespace equinode::trace {

// A tensor of a TorchScript module: a parameter or a buffer.
struct ScriptTensor {
  std::string name;
  at::Tensor value;
  bool is_parameter;
};

// The `forward` of a TorchScript file, with the module's tensors as inputs before its own.
//
// NOTE [scripts are data]: whatever a file says, loading and running it only computes. What would read or write files
// or start threads is refused, before any pass could evaluate it. A script never changes tensors that the user holds:
// where it writes to inputs it gets copies, and what would update its own attributes is refused. lib/io/torchscript.ts
// checks the archive before libtorch reads it, which trusts sizes.
class Script {
 public:
  // Throws ERR_FORMAT if the file is no TorchScript module, or one that is refused.
  static std::shared_ptr<const Script> load(const std::string& path);

  const std::vector<ScriptTensor>& tensors() const { return tensors_; }
  // The arguments of `forward`, without `self`.
  const std::vector<c10::Argument>& arguments() const { return arguments_; }

  // Runs it, in the way in which programs run.
  c10::IValue run(const std::vector<at::Tensor>& tensors, std::vector<c10::IValue> arguments) const;

  std::string text() const;

 private:
  Script(std::shared_ptr<torch::jit::CompilationUnit> unit, std::shared_ptr<torch::jit::Graph> graph,
         std::vector<ScriptTensor> tensors, std::vector<c10::Argument> arguments);

  // The nodes name the functions that they were inlined from, which an error looks up.
  std::shared_ptr<torch::jit::CompilationUnit> unit_;
  std::shared_ptr<torch::jit::Graph> graph_;
  std::vector<ScriptTensor> tensors_;
  std::vector<c10::Argument> arguments_;
  torch::jit::Code code_;
  bool writes_ = false;
};

}  // namespace equinode::trace
