#include "native/trace/program.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/jit/api/module.h>

#include <utility>

#include "native/base/error.h"
#include "native/core/dispatch.h"
#include "native/trace/passes.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

// What an operator inside the graph complained about, without the interpreter's own frame around it.
std::string reason_of(const std::exception& error) {
  const std::string text = error.what();
  const std::string mark = "RuntimeError: ";
  const size_t found = text.rfind(mark);
  std::string reason = found == std::string::npos ? text : text.substr(found + mark.size());
  const size_t trace = reason.find("\nException raised from");
  if (trace != std::string::npos) reason.resize(trace);
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();
  return reason;
}

}  // namespace

Program::Program(std::shared_ptr<jit::Graph> graph, const std::shared_ptr<jit::Graph>& fast)
    : graph_(std::move(graph)), code_(graph_, "equinode"), fast_code_(fast, "equinode") {}

const jit::Code& Program::code() const {
  if (!core::in_layers()) return code_;
  std::call_once(once_, [this] { layered_.emplace(for_layers(graph_), "equinode"); });
  return *layered_;
}

std::vector<at::Tensor> Program::run(std::vector<at::Tensor> inputs) const {
  jit::Stack stack;
  stack.reserve(inputs.size());
  for (at::Tensor& input : inputs) {
    // The graph was traced with contiguous inputs, and a view that it took may not exist with other strides.
    stack.emplace_back(input.is_contiguous() ? std::move(input) : input.contiguous());
  }
  try {
    if (core::autograd_may_record()) {
      jit::InterpreterState(code()).run(stack);
    } else {
      at::AutoDispatchBelowADInplaceOrView below;
      jit::InterpreterState(fast_code_).run(stack);
    }
  } catch (const std::exception& error) {
    throw Error(kOperator, reason_of(error));
  }
  std::vector<at::Tensor> outputs;
  outputs.reserve(stack.size());
  for (c10::IValue& value : stack) outputs.push_back(std::move(value).toTensor());
  return outputs;
}

std::string Program::text() const { return graph_->toString(/*print_source_locations=*/false); }

void Program::save(const std::string& path) const {
  const std::shared_ptr<jit::Graph> graph = graph_->copy();
  jit::Module module("Program");
  graph->insertInput(0, "self")->setType(module.type());
  if (graph->outputs().size() != 1) {
    const auto outputs = graph->outputs().vec();
    jit::Node* tuple = graph->insertNode(graph->createTuple(outputs));
    while (!graph->outputs().empty()) graph->eraseOutput(graph->outputs().size() - 1);
    graph->registerOutput(tuple->output());
  }
  const auto name = c10::QualifiedName(*module.type()->name(), "forward");
  module.type()->addMethod(module._ivalue()->compilation_unit()->create_function(name, graph));
  module.save(path);
}

}  // namespace equinode::trace
