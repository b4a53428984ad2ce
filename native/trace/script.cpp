#include "native/trace/script.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/serialization/import.h>

#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "native/base/error.h"
#include "native/core/dispatch.h"
#include "native/trace/hidden_writes.h"
#include "native/trace/reason.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

// Operators that reach out of the computation.
bool is_forbidden(const std::string& name) {
  static const std::unordered_set<std::string> names = {
      "aten::save",          "aten::from_file",   "aten::_save_to",   "aten::wait",
      "aten::record_stream", "aten::_pin_memory", "prim::fork",       "prim::awaitable",
      "prim::rpc_async",     "prim::rpc_sync",    "prim::rpc_remote", "prim::PythonOp",
      "prim::CallFunction",  "prim::Print",       "aten::backward",   "aten::set_grad_enabled",
      "aten::manual_seed",   "aten::set_data",
  };
  return names.count(name) > 0;
}

void require_harmless(const jit::Block& block) {
  for (const jit::Node* node : block.nodes()) {
    const c10::Symbol kind = node->kind();
    const std::string name = kind.toQualString();
    require((kind.is_aten() || kind.is_prim()) && !is_forbidden(name), kFormat,
            "expected a program that only computes, got one that calls ", name);
    for (const jit::Block* inner : node->blocks()) require_harmless(*inner);
  }
}

// Whether all elements lie in the tensor's own memory: libtorch does not ask when it reads a file.
bool is_within(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.has_storage()) return false;
  if (tensor.numel() == 0) return true;
  unsigned __int128 last = tensor.storage_offset();
  if (tensor.storage_offset() < 0) return false;
  for (int64_t axis = 0; axis < tensor.dim(); ++axis) {
    if (tensor.stride(axis) < 0) return false;
    last += static_cast<unsigned __int128>(tensor.size(axis) - 1) * static_cast<unsigned __int128>(tensor.stride(axis));
  }
  return (last + 1) * tensor.element_size() <= tensor.storage().nbytes();
}

void require_within(const at::Tensor& tensor, const std::string& name) {
  require(tensor.layout() == at::kStrided && !tensor.is_quantized(), kFormat,
          "expected dense tensors, got another kind for ", name);
  require(is_within(tensor), kFormat, "expected elements within the storage, got a view that leads out of it for ",
          name);
}

// Replaces what a graph reads of its module: tensors by inputs, everything else by constants.
class Lowering {
 public:
  explicit Lowering(std::shared_ptr<jit::Graph> graph) : graph_(std::move(graph)) {}

  std::vector<ScriptTensor> run(const jit::Module& module) {
    jit::Value* self = graph_->inputs().at(0);
    objects_[self] = {module._ivalue(), ""};
    lower(*graph_->block());
    return std::move(tensors_);
  }

 private:
  struct Object {
    c10::intrusive_ptr<c10::ivalue::Object> value;
    std::string name;
  };

  void lower(jit::Block& block) {
    for (auto it = block.nodes().begin(); it != block.nodes().end();) {
      jit::Node* node = *it++;
      const auto owner = node->inputs().empty() ? objects_.end() : objects_.find(node->input(0));
      if (node->kind() == c10::prim::GetAttr && owner != objects_.end()) {
        read(node, owner->second);
        continue;
      }
      for (jit::Block* inner : node->blocks()) lower(*inner);
    }
  }

  void read(jit::Node* node, const Object& owner) {
    const std::string step = node->s(c10::attr::name);
    const std::string name = owner.name.empty() ? step : owner.name + "." + step;
    const c10::IValue value = owner.value->getAttr(step);
    if (value.isObject()) {
      objects_[node->output()] = {value.toObject(), name};
      return;
    }
    jit::Value* found = value.isTensor() && value.toTensor().defined() ? input_of(name, value.toTensor(), owner, step)
                                                                       : constant_of(name, value, node);
    node->output()->replaceAllUsesWith(found);
    node->destroy();
  }

  jit::Value* input_of(const std::string& name, const at::Tensor& value, const Object& owner, const std::string& step) {
    jit::Value*& input = inputs_[name];
    if (input != nullptr) return input;
    require_within(value, name);
    const auto& type = owner.value->type();
    const bool is_parameter = type->is_parameter(type->getAttributeSlot(step));
    tensors_.push_back({name, value.detach(), is_parameter});
    input = graph_->insertInput(tensors_.size())->setType(c10::TensorType::get());
    return input;
  }

  jit::Value* constant_of(const std::string& name, const c10::IValue& value, jit::Node* node) {
    const jit::WithInsertPoint here(node);
    const auto constant = jit::tryInsertConstant(*graph_, value);
    require(constant.has_value(), kFormat, "expected attributes that are tensors or constants, got a ", value.tagKind(),
            " for ", name);
    return *constant;
  }

  std::shared_ptr<jit::Graph> graph_;
  std::unordered_map<const jit::Value*, Object> objects_;
  std::unordered_map<std::string, jit::Value*> inputs_;
  std::vector<ScriptTensor> tensors_;
};

void require_constant(const jit::Block& block) {
  for (const jit::Node* node : block.nodes()) {
    require(node->kind() != c10::prim::SetAttr && !updates_statistics(*node), kFormat,
            "expected a program that changes nothing of its own, got one that updates ",
            node->kind() == c10::prim::SetAttr ? node->s(c10::attr::name) : std::string("running statistics"),
            ". Call eval() on the module before it is saved");
    if (node->kind() == c10::prim::Constant) {
      const auto value = jit::toIValue(node->output());
      if (value.has_value() && value->isTensor() && value->toTensor().defined()) {
        require_within(value->toTensor(), "a constant");
      }
    }
    for (const jit::Block* inner : node->blocks()) require_constant(*inner);
  }
}

// Takes away what only dead code read, such as the counter that a normalisation keeps while it trains.
void drop_unused(jit::Graph& graph, std::vector<ScriptTensor>& tensors) {
  for (size_t i = tensors.size(); i-- > 0;) {
    if (!graph.inputs().at(i)->uses().empty()) continue;
    graph.eraseInput(i);
    tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

bool has_writes(const std::shared_ptr<jit::Graph>& graph) {
  const jit::AliasDb aliases(graph);
  for (const jit::Value* input : graph->inputs()) {
    if (aliases.hasWriters(input)) return true;
  }
  return false;
}

}  // namespace

std::shared_ptr<const Script> Script::load(const std::string& path) {
  try {
    const jit::Module module = jit::load(path, c10::Device(c10::kCPU), /*load_debug_files=*/false);
    const auto method = module.find_method("forward");
    require(method.has_value(), kFormat, "expected a module with a method forward, got one without");
    const std::shared_ptr<jit::Graph> graph = jit::toGraphFunction(method->function()).graph()->copy();
    jit::Inline(*graph);
    require_harmless(*graph->block());
    std::vector<ScriptTensor> tensors = Lowering(graph).run(module);
    jit::ConstantPropagationImmutableTypes(const_cast<std::shared_ptr<jit::Graph>&>(graph));
    jit::EliminateDeadCode(graph);
    require_constant(*graph->block());
    require(graph->inputs().at(0)->uses().empty(), kFormat,
            "expected a program that only reads its attributes, got one that hands its module on");
    graph->eraseInput(0);
    drop_unused(*graph, tensors);
    const auto& declared = method->function().getSchema().arguments();
    return std::shared_ptr<const Script>(new Script(module._ivalue()->compilation_unit(), graph, std::move(tensors),
                                                    std::vector<c10::Argument>(declared.begin() + 1, declared.end())));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(kFormat, "expected a TorchScript module, got what libtorch refuses: " + reason_of(error));
  }
}

Script::Script(std::shared_ptr<jit::CompilationUnit> unit, std::shared_ptr<jit::Graph> graph,
               std::vector<ScriptTensor> tensors, std::vector<c10::Argument> arguments)
    : unit_(std::move(unit)),
      graph_(std::move(graph)),
      tensors_(std::move(tensors)),
      arguments_(std::move(arguments)),
      code_(graph_, "equinode"),
      writes_(has_writes(graph_)) {}

c10::IValue Script::run(const std::vector<at::Tensor>& tensors, std::vector<c10::IValue> arguments) const {
  jit::Stack stack;
  stack.reserve(tensors.size() + arguments.size());
  try {
    for (const at::Tensor& tensor : tensors) stack.emplace_back(writes_ ? tensor.clone() : tensor);
    for (c10::IValue& argument : arguments) {
      stack.emplace_back(writes_ && argument.isTensor() ? argument.toTensor().clone() : std::move(argument));
    }
    if (core::autograd_may_record()) {
      jit::InterpreterState(code_).run(stack);
    } else {
      at::AutoDispatchBelowADInplaceOrView below;
      jit::InterpreterState(code_).run(stack);
    }
  } catch (const std::exception& error) {
    throw Error(kOperator, reason_of(error));
  }
  return std::move(stack.front());
}

std::string Script::text() const { return graph_->toString(/*print_source_locations=*/false); }

}  // namespace equinode::trace
