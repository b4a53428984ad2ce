#include "native/trace/recorder.h"

#include <ATen/ATen.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/TensorWrapper.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/runtime/operator.h>
#include <torch/library.h>

#include "native/base/error.h"
#include "native/base/scope.h"
#include "native/trace/passes.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

constexpr c10::DispatchKey kTraceKey = c10::DispatchKey::Fake;

thread_local Recorder* current_recorder = nullptr;

void record_operator(const c10::OperatorHandle& op, c10::DispatchKeySet keys, jit::Stack* stack) {
  c10::impl::ExcludeDispatchKeyGuard not_again(kTraceKey);
  if (Recorder* recorder = Recorder::current()) {
    recorder->record(op, keys, *stack);
  } else {
    op.redispatchBoxed(keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kTraceKey), stack);
  }
}

TORCH_LIBRARY_IMPL(_, Fake, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&record_operator>()); }

void for_each_tensor(const c10::IValue& value, const std::function<void(const at::Tensor&)>& visit) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) visit(value.toTensor());
  } else if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) {
      if (tensor.defined()) visit(tensor);
    }
  } else if (value.isList()) {
    for (const c10::IValue& element : value.toListRef()) for_each_tensor(element, visit);
  }
}

bool is_mask(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kBool || tensor.scalar_type() == at::kByte;
}

// Whether the shape or value that the call returns depends on the data of a tensor that is unknown yet.
bool reads_traced_data(const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> arguments, const ValueMap& values) {
  if (!op.hasTag(at::Tag::data_dependent_output) && !op.hasTag(at::Tag::dynamic_output_shape)) return false;
  bool reads = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    // An operator that takes indices depends on the data of masks alone.
    bool has_indices = false;
    for (const c10::Argument& argument : op.schema().arguments()) {
      has_indices |= argument.type()->str() == "Tensor?[]";
    }
    for_each_tensor(arguments[i], [&](const at::Tensor& tensor) {
      const bool counts = !has_indices || (op.schema().arguments()[i].type()->str() == "Tensor?[]" && is_mask(tensor));
      reads |= counts && values.is_traced(tensor);
    });
  }
  return reads;
}

}  // namespace

Recorder::Recorder() : graph_(std::make_shared<jit::Graph>()) {
  require(current_recorder == nullptr, kTransform, "a trace is active on this thread already");
  current_recorder = this;
  c10::impl::tls_set_dispatch_key_included(kTraceKey, true);
}

Recorder::~Recorder() {
  current_recorder = nullptr;
  c10::impl::tls_set_dispatch_key_included(kTraceKey, false);
}

Recorder* Recorder::current() { return current_recorder; }

at::Tensor Recorder::add_input(const at::Tensor& example) {
  c10::impl::ExcludeDispatchKeyGuard not_recorded(kTraceKey);
  at::Tensor concrete = example;
  bool layered = false;
  while (true) {
    if (const auto* batched = at::functorch::maybeGetBatchedImpl(concrete)) {
      concrete = batched->value();
    } else if (const auto* wrapper = at::functorch::maybeGetTensorWrapper(concrete)) {
      concrete = at::Tensor(wrapper->value());
    } else {
      break;
    }
    layered = true;
  }
  const auto options = concrete.options().requires_grad(false);
  at::Tensor input = at::zeros(example.sizes(), options);
  if (!layered) input.copy_(concrete.detach());
  jit::Value* value = graph_->addInput();
  note_type(value, input);
  values_.set(input, value, ValueMap::Origin::kInput);
  return input;
}

jit::Value* Recorder::value_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return graph_->insertConstant(c10::IValue());
  if (jit::Value* known = values_.find(tensor)) return known;
  // A constant keeps its own metadata, so that a later write elsewhere cannot reach the graph's view of it.
  jit::Value* constant = graph_->insertConstant(tensor.detach());
  values_.set(tensor, constant, ValueMap::Origin::kConstant);
  return constant;
}

jit::Value* Recorder::value_of(const c10::IValue& value, const c10::Type& type) {
  if (value.isTensor()) return value_of(value.toTensor());
  if (value.isTensorList()) {
    std::vector<jit::Value*> elements;
    for (const at::Tensor& tensor : value.toTensorVector()) elements.push_back(value_of(tensor));
    return graph_->insertNode(graph_->createList(c10::TensorType::get(), elements))->output();
  }
  const std::string kind = type.str();
  if (value.isList() && (kind == "Tensor?[]" || kind == "Tensor?[]?")) {
    std::vector<jit::Value*> elements;
    for (const c10::IValue& element : value.toListRef()) {
      elements.push_back(element.isNone() ? graph_->insertConstant(c10::IValue()) : value_of(element.toTensor()));
    }
    const auto element_type = c10::OptionalType::create(c10::TensorType::get());
    return graph_->insertNode(graph_->createList(element_type, elements))->output();
  }
  return graph_->insertConstant(value);
}

void Recorder::map_result(const c10::IValue& result, jit::Value* value) {
  if (result.isTensor()) {
    if (!result.toTensor().defined()) return;
    note_type(value, result.toTensor());
    values_.set(result.toTensor(), value, ValueMap::Origin::kMade);
    return;
  }
  if (!result.isTensorList()) return;
  const std::vector<at::Tensor> tensors = result.toTensorVector();
  jit::Node* unpack = graph_->insertNode(graph_->createListUnpack(value, tensors.size()));
  for (size_t i = 0; i < tensors.size(); ++i) map_result(tensors[i], unpack->outputs()[i]);
}

void Recorder::record(const c10::OperatorHandle& op, c10::DispatchKeySet keys, jit::Stack& stack) {
  const c10::FunctionSchema& schema = op.schema();
  const size_t count = schema.arguments().size();
  const c10::ArrayRef<c10::IValue> arguments(stack.data() + stack.size() - count, count);

  require(!reads_traced_data(op, arguments, values_), kConcretisation, c10::toString(op.operator_name()),
          ": the result depends on the values of a traced tensor, which are unknown while tracing");
  require(!op.hasTag(at::Tag::nondeterministic_seeded), kTransform, c10::toString(op.operator_name()),
          ": draws from libtorch's global generator, which a compiled program cannot repeat. "
          "Use a function of `random` with an explicit key");
  std::vector<jit::Value*> inputs;
  for (size_t i = 0; i < count; ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    inputs.push_back(value_of(arguments[i], *argument.type()));
    if (argument.alias_info() == nullptr || !argument.alias_info()->isWrite()) continue;
    for_each_tensor(arguments[i], [&](const at::Tensor& tensor) {
      require(values_.origin(tensor) == ValueMap::Origin::kMade, kTransform, c10::toString(op.operator_name()),
              ": writes to an input or to a captured tensor, which a compiled program may not change");
    });
  }

  jit::Node* node = graph_->create(c10::Symbol::fromQualString(schema.name()), inputs, schema.returns().size());
  for (size_t i = 0; i < schema.returns().size(); ++i) node->outputs()[i]->setType(schema.returns()[i].type());
  graph_->insertNode(node);
  const jit::Operator* matched = node->maybeOperator();
  require(matched != nullptr && matched->schema().overload_name() == schema.overload_name(), kTransform,
          c10::toString(op.operator_name()), ": TorchScript took the recorded call for another overload");

  op.redispatchBoxed(keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kTraceKey), &stack);

  const size_t results = schema.returns().size();
  for (size_t i = 0; i < results; ++i) map_result(stack[stack.size() - results + i], node->outputs()[i]);
}

void Recorder::note_type(const jit::Value* value, const at::Tensor& tensor) {
  types_[value->unique()] = c10::TensorType::create(tensor);
}

// The graph with the sizes that were seen, which hold for every run of this program but not for the graph as a file.
std::shared_ptr<jit::Graph> Recorder::typed_copy() const {
  std::vector<jit::Value*> typed;
  const auto set_type = [&](jit::Value* value) {
    const auto seen = types_.find(value->unique());
    if (seen == types_.end()) return;
    value->setType(seen->second);
    typed.push_back(value);
  };
  for (jit::Value* input : graph_->inputs()) set_type(input);
  for (jit::Node* node : graph_->nodes()) {
    for (jit::Value* output : node->outputs()) set_type(output);
  }
  std::shared_ptr<jit::Graph> copy = graph_->copy();
  for (jit::Value* value : typed) value->setType(c10::TensorType::get());
  return copy;
}

std::shared_ptr<const Program> Recorder::finish(const std::vector<at::Tensor>& outputs) {
  // The passes compare constants by calling operators, which are none of the program's.
  c10::impl::ExcludeDispatchKeyGuard not_recorded(kTraceKey);
  for (const at::Tensor& output : outputs) graph_->registerOutput(value_of(output));
  optimise(graph_);
  graph_->lint();
  const std::shared_ptr<jit::Graph> fast = typed_copy();
  specialise(fast);
  fast->lint();
  return std::make_shared<const Program>(graph_, fast);
}

}  // namespace equinode::trace
