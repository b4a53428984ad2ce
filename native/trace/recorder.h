#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <torch/csrc/jit/ir/ir.h>

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "native/trace/program.h"
#include "native/trace/shapes.h"
#include "native/trace/unwritten.h"
#include "native/trace/value_map.h"

namespace equinode::trace {

// Records every operator that runs on this thread into one TorchScript graph. It sits on the dispatch key `Fake`,
// below autograd and functorch and above the backends, so what it sees is what transforms have become: backward
// passes and batching rules included. Recorders nest: the innermost one of the thread records.
//
// NOTE [views and writes in a trace]: operators that write (index_put_, add_ inside a kernel) are recorded as they
// are, in order; TorchScript's passes know from the schemas what they may not move. Writing to an input or to a
// captured constant is refused, since the user holds it.
//
// NOTE [composite operators in a trace]: an operator that libtorch composes of others (CompositeImplicitAutograd) is
// never recorded as such, but as what it calls. Above a Grad layer autograd takes it apart before the trace sees it;
// without one the recorder does, so that a read of values or a draw of random numbers inside it is not missed. Some
// compute outside the dispatcher, where no trace sees them: results of traced tensors then depend on none of them, and
// the operator is recorded as a whole after all.
class Recorder {
 public:
  Recorder();
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // The recorder of this thread, or null.
  static Recorder* current();

  // A new input of the graph: memory of its own, with the values of a concrete example.
  at::Tensor add_input(const at::Tensor& example);

  // Ends the trace. Outputs that do not depend on the inputs become constants.
  std::shared_ptr<const Program> finish(const std::vector<at::Tensor>& outputs);

  // Whether a tensor depends on the inputs of this trace or of one around it.
  bool is_traced(const at::Tensor& tensor) const;

  // Notes that `outputs` are what a function with a rule of its own made of `inputs`: gives tensors that stand for
  // them, made by a call of the host's function of a number. See NOTE [custom calls in a program].
  std::vector<at::Tensor> add_custom_call(const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& outputs,
                                          int64_t id);

  // Runs one operator and appends its node: what the fallback of the dispatch key calls.
  void record(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack& stack);

  // Runs a composite operator and lets what it calls be recorded.
  void record_parts(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack& stack);

 private:
  torch::jit::Value* value_of(const c10::IValue& value, const c10::Type& type);
  torch::jit::Value* value_of(const at::Tensor& tensor);
  torch::jit::Value* distinct(torch::jit::Value* constant);
  void map_result(const c10::IValue& result, torch::jit::Value* value);

  // Remembers what a value looked like, under its number in the graph.
  void note_type(const torch::jit::Value* value, const at::Tensor& tensor);
  // Gives the graph's values the types that were seen.
  void set_types();

  // A trace inside needs values: see NOTE [shapes without values].
  SuspendedShapes no_shapes_;
  std::shared_ptr<torch::jit::Graph> graph_;
  ValueMap values_;
  Unwritten unwritten_;
  int64_t captures_ = 0;
  std::unordered_map<size_t, c10::TensorTypePtr> types_;
  std::vector<std::shared_ptr<const Form>> forms_;
  Recorder* outer_;
};

// The values of a tensor without layers of transforms: those of one of a batch, or nothing if there are none.
std::optional<at::Tensor> concrete_values(const at::Tensor& tensor);

// Whether control flow that runs now is being recorded, so that a sketch of its results is enough.
bool is_sketching();

}  // namespace equinode::trace
