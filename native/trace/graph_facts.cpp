#include "native/trace/graph_facts.h"

#include <torch/csrc/jit/ir/constants.h>

namespace equinode::trace {

namespace jit = torch::jit;

std::optional<std::vector<int64_t>> sizes_of(const jit::Value* value) {
  const auto type = value->type()->cast<c10::TensorType>();
  if (type == nullptr || !type->scalarType().has_value() || !type->device().has_value()) return std::nullopt;
  return type->sizes().concrete_sizes();
}

bool is_view(const jit::Node& node) {
  const auto kind = node.kind();
  if (kind != c10::aten::view && kind != c10::aten::_unsafe_view) return false;
  return node.inputs().size() == 2 && node.input(1)->type()->isSubtypeOf(*c10::ListType::ofInts());
}

jit::Node* as_reshape(jit::Graph& graph, jit::Node* view) {
  jit::Node* reshape = graph.create(c10::aten::reshape, view->inputs(), 1);
  reshape->insertBefore(view);
  reshape->output()->setType(view->output()->type());
  view->output()->replaceAllUsesWith(reshape->output());
  view->destroy();
  return reshape;
}

bool may_alias(const jit::Use& use) {
  const c10::FunctionSchema* schema = use.user->maybeSchema();
  if (schema == nullptr || use.user->kind().is_prim() || !use.user->blocks().empty()) return true;
  return use.offset >= schema->arguments().size() || schema->arguments()[use.offset].alias_info() != nullptr;
}

bool transposes(const jit::Node* node) {
  if (node->kind() == c10::aten::t) return true;
  if (node->kind() != c10::aten::permute) return false;
  const auto axes = jit::toIValue(node->input(1));
  return axes.has_value() && axes->toIntVector() == std::vector<int64_t>{1, 0};
}

bool is_inside(const jit::Value* value, const jit::Block* block) {
  for (const jit::Block* at = value->node()->owningBlock(); at != nullptr;) {
    if (at == block) return true;
    at = at->owningNode() == nullptr ? nullptr : at->owningNode()->owningBlock();
  }
  return false;
}

}  // namespace equinode::trace
