#include "native/trace/program.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/constants.h>

#include <functional>
#include <utility>

#include "native/base/carried.h"
#include "native/base/error.h"
#include "native/core/dispatch.h"
#include "native/trace/passes.h"
#include "native/trace/portable.h"

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

void visit_nodes(const jit::Block* block, const std::function<void(const jit::Node*)>& visit) {
  for (const jit::Node* node : block->nodes()) {
    visit(node);
    for (const jit::Block* inner : node->blocks()) visit_nodes(inner, visit);
  }
}

bool calls_host(const jit::Graph& graph) {
  bool found = false;
  visit_nodes(graph.block(), [&](const jit::Node* node) {
    const std::string name = node->kind().toQualString();
    found |= name == "equinode::callback" || name == "equinode::effect";
  });
  return found;
}

}  // namespace

Program::Program(std::shared_ptr<jit::Graph> graph, const std::shared_ptr<jit::Graph>& fast)
    : graph_(std::move(graph)),
      code_(graph_, "equinode"),
      fast_code_(fast, "equinode"),
      needs_host_(calls_host(*graph_)) {}

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
  forget_carried();
  try {
    if (core::autograd_may_record()) {
      jit::InterpreterState(code()).run(stack);
    } else {
      at::AutoDispatchBelowADInplaceOrView below;
      jit::InterpreterState(fast_code_).run(stack);
    }
  } catch (const std::exception& error) {
    rethrow_carried();
    throw Error(kOperator, reason_of(error));
  }
  std::vector<at::Tensor> outputs;
  outputs.reserve(stack.size());
  for (c10::IValue& value : stack) outputs.push_back(std::move(value).toTensor());
  return outputs;
}

std::vector<std::string> Program::operators() const {
  std::vector<std::string> names;
  visit_nodes(graph_->block(), [&](const jit::Node* node) {
    if (node->kind() != c10::prim::Constant) names.emplace_back(node->kind().toQualString());
  });
  return names;
}

std::vector<at::Tensor> Program::constants() const {
  std::vector<at::Tensor> tensors;
  visit_nodes(graph_->block(), [&](const jit::Node* node) {
    if (node->kind() != c10::prim::Constant || !node->output()->type()->isSubtypeOf(*c10::TensorType::get())) return;
    const auto value = jit::toIValue(node->output());
    if (value.has_value() && value->isTensor()) tensors.push_back(value->toTensor());
  });
  return tensors;
}

std::string Program::text() const { return graph_->toString(/*print_source_locations=*/false); }

void Program::save(const std::string& path) const {
  const std::shared_ptr<jit::Graph> graph = graph_->copy();
  make_portable(graph);
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
