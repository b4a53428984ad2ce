#include "native/trace/recorder.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/TensorWrapper.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/runtime/operator.h>
#include <torch/library.h>

#include <cmath>
#include <functional>
#include <optional>
#include <string>

#include "native/base/error.h"
#include "native/base/scope.h"
#include "native/core/dispatch.h"
#include "native/core/host_copy.h"
#include "native/core/op_table.h"
#include "native/core/own_memory.h"
#include "native/trace/custom_calls.h"
#include "native/trace/form.h"
#include "native/trace/passes.h"
#include "native/trace/shapes.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

using core::kTraceKey;

thread_local Recorder* current_recorder = nullptr;
thread_local bool sketching = false;

c10::DispatchKeySet below_trace(c10::DispatchKeySet keys) {
  return keys & c10::DispatchKeySet(c10::DispatchKeySet::FULL_AFTER, kTraceKey);
}

// Whether the operator is nothing but calls of other operators, for tensors of every backend alike.
bool is_composite(const c10::OperatorHandle& op, c10::DispatchKeySet keys) {
  return op.hasKernelForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd) &&
         !op.hasKernelForDispatchKey(below_trace(keys).highestPriorityTypeId());
}

void record_operator(const c10::OperatorHandle& op, c10::DispatchKeySet keys, jit::Stack* stack) {
  // See NOTE [composite operators in a trace].
  if (is_composite(op, keys)) {
    if (Recorder* recorder = Recorder::current()) {
      recorder->record_parts(op, keys, *stack);
    } else {
      op.redispatchBoxed(below_trace(keys), stack);
    }
    return;
  }
  c10::impl::ExcludeDispatchKeyGuard not_again(kTraceKey);
  // See NOTE [shapes without values].
  if (in_shapes()) {
    run_for_shapes(op, *stack);
    return;
  }
  if (Recorder* recorder = Recorder::current()) {
    recorder->record(op, keys, *stack);
  } else {
    op.redispatchBoxed(below_trace(keys), stack);
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

bool takes_indices(const c10::FunctionSchema& schema) {
  for (const c10::Argument& argument : schema.arguments()) {
    if (argument.type()->str() == "Tensor?[]") return true;
  }
  return false;
}

// The first tensor whose values, unknown as they are, decide the shape or the value of what the call returns.
std::optional<at::Tensor> unknown_operand(const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> arguments,
                                          const ValueMap& values) {
  if (!op.hasTag(at::Tag::data_dependent_output) && !op.hasTag(at::Tag::dynamic_output_shape)) return std::nullopt;
  const c10::FunctionSchema& schema = op.schema();
  // The caller may name the size of the result.
  if (schema.name() == "aten::repeat_interleave" && !arguments.back().isNone()) return std::nullopt;
  const bool has_indices = takes_indices(schema);
  std::optional<at::Tensor> unknown;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const bool are_indices = schema.arguments()[i].type()->str() == "Tensor?[]";
    for_each_tensor(arguments[i], [&](const at::Tensor& tensor) {
      // An operator that takes indices depends on the data of masks alone.
      const bool decides = !has_indices || (are_indices && is_mask(tensor));
      if (decides && !unknown && values.is_traced(tensor)) unknown = tensor;
    });
  }
  return unknown;
}

c10::Symbol symbol_of(const c10::FunctionSchema& schema) {
  // TorchScript does not find this overload of `view`.
  const bool is_cast = schema.name() == "aten::view" && schema.overload_name() == "dtype";
  return c10::Symbol::fromQualString(is_cast ? "aten::view_copy" : schema.name());
}

[[noreturn]] void refuse_unknown(const c10::FunctionSchema& schema, const at::Tensor& unknown) {
  throw Error(kConcretisation,
              concat("expected a result whose shape and kind are known without values, got one that ", schema.name(),
                     " would decide by the values of a traced tensor (", core::describe(unknown),
                     "), which are unknown until the compiled program runs. Use `where` or another operator whose "
                     "result has a fixed shape, or compute it outside jit."));
}

// Whether only a run knows the result, whatever the operands are: that of an operator of our own that has none, such as
// the index along a named axis, or of a function of the host.
bool is_unknown(const c10::FunctionSchema& schema) {
  if (schema.name() == "equinode::callback") return true;
  if (schema.name().rfind("equinode::", 0) != 0) return false;
  for (const c10::Argument& argument : schema.arguments()) {
    if (argument.type()->str().rfind("Tensor", 0) == 0) return false;
  }
  return true;
}

}  // namespace

bool is_sketching() { return sketching; }

std::optional<at::Tensor> concrete_values(const at::Tensor& tensor) {
  at::Tensor concrete = tensor;
  std::vector<int64_t> batch_axes;
  while (true) {
    if (const auto* batched = at::functorch::maybeGetBatchedImpl(concrete)) {
      batch_axes.push_back(batched->bdim());
      concrete = at::Tensor(batched->value());
    } else if (const auto* wrapper = at::functorch::maybeGetTensorWrapper(concrete)) {
      concrete = at::Tensor(wrapper->value());
    } else {
      break;
    }
  }
  for (auto axis = batch_axes.rbegin(); axis != batch_axes.rend(); ++axis) {
    if (concrete.size(*axis) == 0) return std::nullopt;
    concrete = concrete.select(*axis, 0);
  }
  return concrete.is_meta() ? to_zeros(concrete) : concrete.detach();
}

Recorder::Recorder() : graph_(std::make_shared<jit::Graph>()), outer_(current_recorder) {
  current_recorder = this;
  c10::impl::tls_set_dispatch_key_included(kTraceKey, true);
}

Recorder::~Recorder() {
  current_recorder = outer_;
  c10::impl::tls_set_dispatch_key_included(kTraceKey, outer_ != nullptr || no_shapes_.are_suspended());
}

Recorder* Recorder::current() { return current_recorder; }

bool Recorder::is_traced(const at::Tensor& tensor) const {
  return values_.is_traced(tensor) || (outer_ != nullptr && outer_->is_traced(tensor));
}

at::Tensor Recorder::add_input(const at::Tensor& example) {
  core::require_strided(example);
  // An input belongs to no layer that is active, and how it is made is not recorded.
  const c10::impl::ForceDispatchKeyGuard plain(c10::default_included_set, c10::default_excluded_set);
  // The values of one of the batch stand for all: zeros would fail where an operator checks values, as an inverse does.
  const auto values = concrete_values(example);
  const auto options = example.is_meta() ? example.options().device(at::kCPU) : example.options();
  at::Tensor input = at::zeros(example.sizes(), options.requires_grad(false));
  if (values.has_value()) input.copy_(*values);
  jit::Value* value = graph_->addInput();
  note_type(value, input);
  values_.set(input, value, ValueMap::Origin::kInput);
  values_.mark_traced(input);
  return input;
}

// TorchScript's passes make one constant of those that compare equal. But 0 equals -0, and a tensor that stands for a
// number, which does not take part in promotion, equals one that does.
jit::Value* Recorder::distinct(jit::Value* constant) {
  constant->node()->i_(c10::Symbol::attr("capture"), captures_++);
  return constant;
}

jit::Value* Recorder::value_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return graph_->insertConstant(c10::IValue());
  if (jit::Value* known = values_.find(tensor)) return known;
  // A constant keeps its own metadata, so that a later write elsewhere cannot reach the graph's view of it.
  jit::Value* constant = distinct(graph_->insertConstant(tensor.detach()));
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
  jit::Value* constant = graph_->insertConstant(value);
  if (value.isDouble() && value.toDouble() == 0 && std::signbit(value.toDouble())) distinct(constant);
  if (!value.isBool() || (kind != "Scalar" && kind != "Scalar?")) return constant;
  // TorchScript takes no boolean for a Scalar, but a tensor of no axes in its place; as an integer it would promote.
  jit::Value* tensor = graph_->insertConstant(at::scalar_tensor(value.toBool(), at::kBool));
  return graph_->insertNode(graph_->create(c10::aten::ScalarImplicit, {tensor}))
      ->output()
      ->setType(c10::NumberType::get());
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

void Recorder::record_parts(const c10::OperatorHandle& op, c10::DispatchKeySet keys, jit::Stack& stack) {
  const size_t count = op.schema().arguments().size();
  const jit::Stack arguments(stack.end() - static_cast<std::ptrdiff_t>(count), stack.end());
  const char* read = core::argument_read(c10::toString(op.operator_name()));
  bool all_traced = true;
  size_t tensors = 0;
  for (size_t i = 0; i < count; ++i) {
    const bool is_read = read != nullptr && op.schema().arguments()[i].name() == read;
    for_each_tensor(arguments[i], [&](const at::Tensor& tensor) {
      const bool is_traced = values_.is_traced(tensor);
      if (is_read && is_traced) refuse_unknown(op.schema(), tensor);
      ++tensors;
      all_traced = all_traced && is_traced;
    });
  }
  op.redispatchBoxed(below_trace(keys), &stack);
  if (tensors == 0 || !all_traced) return;

  bool any_result = false;
  bool any_traced = false;
  const size_t results = op.schema().returns().size();
  for (size_t i = stack.size() - results; i < stack.size(); ++i) {
    for_each_tensor(stack[i], [&](const at::Tensor& tensor) {
      any_result = true;
      any_traced = any_traced || values_.is_traced(tensor);
    });
  }
  if (!any_result || any_traced) return;
  stack.resize(stack.size() - results);
  stack.insert(stack.end(), arguments.begin(), arguments.end());
  c10::impl::ExcludeDispatchKeyGuard not_again(kTraceKey);
  record(op, keys, stack);
}

void Recorder::record(const c10::OperatorHandle& op, c10::DispatchKeySet keys, jit::Stack& stack) {
  const c10::FunctionSchema& schema = op.schema();
  const size_t count = schema.arguments().size();
  const c10::ArrayRef<c10::IValue> arguments(stack.data() + stack.size() - count, count);

  const std::optional<at::Tensor> unknown = unknown_operand(op, arguments, values_);
  if (unknown) refuse_unknown(schema, *unknown);
  require(!core::draws(op, arguments), kTransform, "expected an operator that gives the same result every time, got ",
          op.schema().name(),
          ", which draws from libtorch's own generator: a compiled program cannot repeat that. Use a function of "
          "`random` with an explicit key.");
  bool is_traced = is_unknown(schema);
  std::vector<jit::Value*> inputs;
  for (size_t i = 0; i < count; ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    inputs.push_back(value_of(arguments[i], *argument.type()));
    for_each_tensor(arguments[i], [&](const at::Tensor& tensor) { is_traced |= values_.is_traced(tensor); });
  }
  for (size_t i = 0; i < count; ++i) {
    const c10::AliasInfo* alias = schema.arguments()[i].alias_info();
    if (alias == nullptr || !alias->isWrite()) continue;
    for_each_tensor(arguments[i], [&](const at::Tensor& tensor) {
      require(values_.origin(tensor) == ValueMap::Origin::kMade, kTransform,
              "expected an operator that leaves its arguments as they are, got ", schema.name(),
              ", which writes to an input or to a captured tensor. Give it a copy.");
      if (is_traced) values_.mark_traced(tensor);
      unwritten_.written(tensor);
    });
  }

  // A reshape that copies nothing names the strides of the example, which need not be those of a later run.
  const bool is_alias = schema.name() == "aten::_reshape_alias";
  if (is_alias) inputs.resize(2);
  const c10::Symbol symbol = is_alias ? c10::aten::view : symbol_of(schema);
  jit::Node* node = graph_->create(symbol, inputs, schema.returns().size());
  for (size_t i = 0; i < schema.returns().size(); ++i) node->outputs()[i]->setType(schema.returns()[i].type());
  graph_->insertNode(node);
  const jit::Operator* matched = node->maybeOperator();
  require(matched != nullptr && matched->schema().overload_name() == schema.overload_name(), kTransform,
          "expected a call that TorchScript can hold, got ", c10::toString(op.operator_name()),
          ", which it takes for another overload. Call another overload of it, or call it outside jit.");

  const bool is_control = symbol == control_symbol();
  if (is_control) forms_.push_back(form_of(arguments[1].toInt()));
  {
    const bool outside = sketching;
    ScopeExit restore([outside] { sketching = outside; });
    sketching = sketching || (is_control && is_traced);
    op.redispatchBoxed(below_trace(keys), &stack);
  }
  // The same memory, but not the same to a derivative outside: with one identity the two would be one value.
  if (schema.name() == "aten::detach") stack.back() = core::own_memory(stack.back().toTensor());

  const size_t results = schema.returns().size();
  for (size_t i = 0; i < results; ++i) {
    const c10::IValue& result = stack[stack.size() - results + i];
    map_result(result, node->outputs()[i]);
    if (is_traced) for_each_tensor(result, [&](const at::Tensor& tensor) { values_.mark_traced(tensor); });
  }
  // See NOTE [memory that is filled in silence].
  if (Unwritten::gives_memory(schema.name())) unwritten_.made(stack.back().toTensor(), node->output());
}

std::vector<at::Tensor> Recorder::add_custom_call(const std::vector<at::Tensor>& inputs,
                                                  const std::vector<at::Tensor>& outputs, int64_t id) {
  c10::impl::ExcludeDispatchKeyGuard not_recorded(kTraceKey);
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  bool is_traced = false;
  const auto list_of = [&](const std::vector<at::Tensor>& tensors) {
    std::vector<jit::Value*> values;
    for (const at::Tensor& tensor : tensors) {
      values.push_back(value_of(tensor));
      is_traced |= values_.is_traced(tensor);
    }
    return graph_->insertNode(graph_->createList(c10::TensorType::get(), values))->output();
  };
  jit::Value* operands = list_of(inputs);
  jit::Value* plain = list_of(outputs);
  jit::Node* call =
      graph_->insertNode(graph_->create(custom_call_symbol(), {operands, plain, graph_->insertConstant(id)}, 1));
  call->output()->setType(c10::ListType::ofTensors());
  jit::Node* unpack = graph_->insertNode(graph_->createListUnpack(call->output(), outputs.size()));
  std::vector<at::Tensor> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    // So that it is told from what the plain operators made.
    at::Tensor result = core::own_memory(outputs[i]);
    note_type(unpack->outputs()[i], result);
    values_.set(result, unpack->outputs()[i], ValueMap::Origin::kConstant);
    if (is_traced) values_.mark_traced(result);
    results.push_back(std::move(result));
  }
  return results;
}

void Recorder::note_type(const jit::Value* value, const at::Tensor& tensor) {
  types_[value->unique()] = c10::TensorType::create(tensor);
}

void Recorder::set_types() {
  const auto set_type = [this](jit::Value* value) {
    const auto seen = types_.find(value->unique());
    if (seen != types_.end()) value->setType(seen->second);
  };
  for (jit::Value* input : graph_->inputs()) set_type(input);
  for (jit::Node* node : graph_->nodes()) {
    for (jit::Value* output : node->outputs()) set_type(output);
  }
}

std::shared_ptr<const Program> Recorder::finish(const std::vector<at::Tensor>& outputs) {
  // The passes compare constants by calling operators, which are none of the program's.
  c10::impl::ExcludeDispatchKeyGuard not_recorded(kTraceKey);
  for (const at::Tensor& output : outputs) {
    jit::Value* value = value_of(output);
    // The user may mark a result for autograd, which must not mark the graph's own constant.
    if (value->node()->kind() == c10::prim::Constant) {
      value = graph_->insert(c10::aten::alias, {value});
      note_type(value, output);
    }
    graph_->registerOutput(value);
  }
  unwritten_.become_constants([this](const at::Tensor& tensor) {
    jit::Value* constant = distinct(graph_->insertConstant(tensor.detach()));
    note_type(constant, tensor);
    return constant;
  });
  optimise(graph_);
  graph_->lint();
  set_types();
  return std::make_shared<const Program>(graph_, forms_);
}

}  // namespace equinode::trace
