#include "native/trace/program.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <utility>

#include "native/base/carried.h"
#include "native/base/error.h"
#include "native/core/dispatch.h"
#include "native/trace/custom_calls.h"
#include "native/trace/expand.h"
#include "native/trace/passes.h"
#include "native/trace/portable.h"
#include "native/trace/reason.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

void visit_nodes(const jit::Block* block, const std::function<void(const jit::Node*)>& visit) {
  for (const jit::Node* node : block->nodes()) {
    visit(node);
    for (const jit::Block* inner : node->blocks()) visit_nodes(inner, visit);
  }
}

bool calls_host(const jit::Graph& graph, const std::vector<std::shared_ptr<const Form>>& forms) {
  bool found = std::any_of(forms.begin(), forms.end(), [](const auto& form) { return form->needs_host(); });
  visit_nodes(graph.block(), [&](const jit::Node* node) {
    const std::string name = node->kind().toQualString();
    found |= name == "equinode::callback" || name == "equinode::effect";
  });
  return found;
}

std::vector<std::string> steps_of(const std::string& name) {
  std::vector<std::string> steps(1);
  for (const char letter : name) {
    if (letter == '.') {
      steps.emplace_back();
    } else {
      steps.back() += letter;
    }
  }
  return steps;
}

// Adds the tensors, with a submodule for each step of their names but the last.
void add_attributes(const jit::Module& root, const std::vector<Program::Attribute>& attributes) {
  for (const auto& [name, value] : attributes) {
    const std::vector<std::string> steps = steps_of(name);
    jit::Module owner = root;
    for (size_t i = 0; i + 1 < steps.size(); ++i) {
      if (!owner.hasattr(steps[i])) {
        owner.register_module(steps[i], jit::Module("__torch__.Part", owner._ivalue()->compilation_unit(), true));
      }
      owner = owner.attr(steps[i]).toModule();
    }
    // Only what the tensor shows is to be in the file, and not all of a storage that it is a view of.
    const at::Tensor own = value.detach().clone(at::MemoryFormat::Contiguous);
    const bool is_trainable = at::isFloatingType(own.scalar_type()) || at::isComplexType(own.scalar_type());
    owner.register_parameter(steps.back(), own.set_requires_grad(is_trainable), /*is_buffer=*/!is_trainable);
  }
}

// Replaces the inputs after `self` by reads of the attributes.
void read_attributes(jit::Graph& graph, jit::Value* self, const std::vector<Program::Attribute>& attributes) {
  const jit::WithInsertPoint start(*graph.nodes().begin());
  for (const auto& [name, value] : attributes) {
    jit::Value* found = self;
    for (const std::string& step : steps_of(name)) found = graph.insertGetAttr(found, step);
    graph.inputs().at(1)->replaceAllUsesWith(found);
    graph.eraseInput(1);
  }
}

void forget_sizes(jit::Block* block) {
  const auto forget = [](jit::Value* value) {
    if (value->type()->kind() == c10::TypeKind::TensorType) value->setType(c10::TensorType::get());
  };
  for (jit::Value* input : block->inputs()) forget(input);
  for (jit::Node* node : block->nodes()) {
    for (jit::Value* output : node->outputs()) forget(output);
    for (jit::Block* inner : node->blocks()) forget_sizes(inner);
  }
}

// The graph without the sizes that were seen.
std::shared_ptr<jit::Graph> untyped(jit::Graph& graph) {
  std::shared_ptr<jit::Graph> copy = graph.copy();
  forget_sizes(copy->block());
  return copy;
}

std::vector<at::Tensor> run_code(const jit::Code& code, jit::Stack& stack) {
  forget_carried();
  try {
    jit::InterpreterState(code).run(stack);
  } catch (const std::exception& error) {
    // Carried on, since the program may be a body that another program's interpreter runs.
    if (carried_exception != nullptr) std::rethrow_exception(carried_exception);
    throw_carried(Error(kOperator, reason_of(error)));
  }
  std::vector<at::Tensor> outputs;
  outputs.reserve(stack.size());
  for (c10::IValue& value : stack) outputs.push_back(std::move(value).toTensor());
  return outputs;
}

jit::Stack stack_of(std::vector<at::Tensor>&& inputs) {
  jit::Stack stack;
  stack.reserve(inputs.size());
  for (at::Tensor& input : inputs) {
    // The graph was traced with contiguous inputs, and a view that it took may not exist with other strides.
    stack.emplace_back(input.is_contiguous() ? std::move(input) : input.contiguous());
  }
  return stack;
}

bool is_recorded(const std::vector<at::Tensor>& inputs) {
  if (core::in_layers()) return true;
  if (!core::requires_grad_was_used() || !c10::GradMode::is_enabled()) return false;
  return std::any_of(inputs.begin(), inputs.end(), [](const at::Tensor& input) { return input.requires_grad(); });
}

}  // namespace

Program::Program(std::shared_ptr<jit::Graph> graph, std::vector<std::shared_ptr<const Form>> forms)
    : graph_(std::move(graph)), forms_(std::move(forms)), needs_host_(calls_host(*graph_, forms_)) {}

std::vector<at::Tensor> Program::run(std::vector<at::Tensor> inputs) const {
  if (!is_recorded(inputs) && !core::in_trace()) return run_below(std::move(inputs));
  std::call_once(layered_once_, [this] {
    c10::impl::ExcludeDispatchKeyGuard not_recorded(c10::DispatchKey::Fake);
    const std::shared_ptr<jit::Graph> graph = untyped(*graph_);
    if (forget_plain_results(*graph)) clean(graph);
    layered_.emplace(for_layers(graph), "equinode");
  });
  jit::Stack stack = stack_of(std::move(inputs));
  return run_code(*layered_, stack);
}

std::vector<at::Tensor> Program::run_below(std::vector<at::Tensor> inputs) const {
  std::call_once(fast_once_, [this] {
    // The passes compare constants by calling operators, which are none of a trace's.
    c10::impl::ExcludeDispatchKeyGuard not_recorded(c10::DispatchKey::Fake);
    const std::shared_ptr<jit::Graph> fast = graph_->copy();
    expand_control(fast);
    take_plain_results(fast->block());
    specialise(fast);
    fast->lint();
    fast_.emplace(fast, "equinode");
  });
  at::AutoDispatchBelowADInplaceOrView below;
  jit::Stack stack = stack_of(std::move(inputs));
  return run_code(*fast_, stack);
}

std::shared_ptr<jit::Graph> Program::expanded() const {
  std::shared_ptr<jit::Graph> graph = graph_->copy();
  expand_control(graph);
  take_plain_results(graph->block());
  clean(graph);
  forget_sizes(graph->block());
  return graph;
}

std::vector<std::string> Program::operators() const {
  std::vector<std::string> names;
  const std::shared_ptr<jit::Graph> graph = expanded();
  visit_nodes(graph->block(), [&](const jit::Node* node) {
    if (node->kind() != c10::prim::Constant) names.emplace_back(node->kind().toQualString());
  });
  return names;
}

std::vector<at::Tensor> Program::constants() const {
  std::vector<at::Tensor> tensors;
  const std::shared_ptr<jit::Graph> graph = expanded();
  visit_nodes(graph->block(), [&](const jit::Node* node) {
    if (node->kind() != c10::prim::Constant || !node->output()->type()->isSubtypeOf(*c10::TensorType::get())) return;
    const auto value = jit::toIValue(node->output());
    if (value.has_value() && value->isTensor()) tensors.push_back(value->toTensor());
  });
  return tensors;
}

std::string Program::text() const { return expanded()->toString(/*print_source_locations=*/false); }

void Program::save(const std::string& path, const std::vector<Attribute>& attributes) const {
  const std::shared_ptr<jit::Graph> graph = expanded();
  make_portable(graph);
  jit::Module module("Program");
  add_attributes(module, attributes);
  jit::Value* self = graph->insertInput(0, "self")->setType(module.type());
  read_attributes(*graph, self, attributes);
  if (graph->outputs().size() != 1) {
    const auto outputs = graph->outputs().vec();
    jit::Node* tuple = graph->insertNode(graph->createTuple(outputs));
    while (!graph->outputs().empty()) graph->eraseOutput(graph->outputs().size() - 1);
    graph->registerOutput(tuple->output());
  }
  const auto name = c10::QualifiedName(*module.type()->name(), "forward");
  module.type()->addMethod(module._ivalue()->compilation_unit()->create_function(name, graph));
  // By a stream: for a path libtorch names the archive's folder after it, so that equal programs would differ.
  std::ofstream file(path, std::ios::binary);
  require(file.is_open(), kOperator, "the file cannot be opened");
  module.save(file);
  file.close();
  require(file.good(), kOperator, "the file cannot be written");
}

}  // namespace equinode::trace
