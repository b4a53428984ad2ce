#include "native/trace/fold_constants.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "native/trace/graph_facts.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

// Elements of a tensor that may be kept.
constexpr int64_t kMost = int64_t{1} << 14;

// The type of a tensor whose values have complete sizes and lie on the CPU, if it is small.
c10::TensorTypePtr small_type(const jit::Value* value) {
  const auto sizes = sizes_of(value);
  if (!sizes.has_value() || c10::multiply_integers(*sizes) > kMost) return nullptr;
  auto type = value->type()->expect<c10::TensorType>();
  return type->device()->is_cpu() ? type : nullptr;
}

// Whether memory of the value may leave the graph, itself or as a view: then each run is to have its own.
bool may_leave(const jit::Value* value) {
  return std::any_of(value->uses().begin(), value->uses().end(), [](const jit::Use& use) {
    if (!may_alias(use)) return false;
    const auto outputs = use.user->outputs();
    return use.user->kind().is_prim() || use.user->kind() == c10::aten::append ||
           std::any_of(outputs.begin(), outputs.end(), may_leave);
  });
}

std::optional<at::Tensor> filled(const jit::Node* node, const c10::TensorType& type) {
  const bool is_one = node->kind() == c10::aten::ones_like;
  if (!is_one && node->kind() != c10::aten::zeros_like) return std::nullopt;
  const auto options = at::TensorOptions(*type.device()).dtype(*type.scalarType());
  return at::full(*type.sizes().concrete_sizes(), is_one ? 1 : 0, options);
}

std::optional<at::Tensor> computed(const jit::Node* node) {
  const auto inputs = node->inputs();
  const bool is_known = std::all_of(inputs.begin(), inputs.end(),
                                    [](const jit::Value* input) { return jit::toIValue(input).has_value(); });
  if (!is_known) return std::nullopt;
  jit::Stack stack;
  for (const jit::Value* input : inputs) stack.push_back(*jit::toIValue(input));
  try {
    node->getOperation()(stack);
  } catch (const std::exception&) {
    // It fails when it runs, if it ever does.
    return std::nullopt;
  }
  if (stack.size() != 1 || !stack[0].isTensor() || !stack[0].toTensor().defined()) return std::nullopt;
  return stack[0].toTensor();
}

bool may_fold(const jit::Node* node) {
  const c10::FunctionSchema* schema = node->maybeSchema();
  return schema != nullptr && node->kind().is_aten() && node->outputs().size() == 1 && node->blocks().empty() &&
         !schema->is_mutable() && !node->hasSideEffects() && !node->isNondeterministic() &&
         node->kind() != c10::aten::alias && node->kind() != c10::aten::empty && node->kind() != c10::aten::empty_like;
}

void fold(jit::Graph& graph, jit::Block* block, const jit::AliasDb& aliases) {
  for (auto it = block->nodes().begin(); it != block->nodes().end();) {
    jit::Node* node = *it;
    ++it;
    for (jit::Block* inner : node->blocks()) fold(graph, inner, aliases);
    if (!may_fold(node) || may_leave(node->output()) || aliases.hasWriters(node)) continue;
    const auto type = small_type(node->output());
    if (type == nullptr) continue;
    auto value = filled(node, *type);
    if (!value.has_value()) value = computed(node);
    if (!value.has_value() || value->scalar_type() != *type->scalarType() || value->layout() != at::kStrided) continue;
    const jit::WithInsertPoint here(node);
    jit::Value* constant = graph.insertConstant(*value);
    constant->setType(c10::TensorType::create(*value));
    node->output()->replaceAllUsesWith(constant);
    node->destroy();
  }
}

}  // namespace

void fold_constants(const std::shared_ptr<jit::Graph>& graph) {
  const at::AutoDispatchBelowADInplaceOrView below;
  const jit::AliasDb aliases(graph);
  fold(*graph, graph->block(), aliases);
}

}  // namespace equinode::trace
