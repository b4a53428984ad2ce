#include "native/trace/turn_products.h"

#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "native/trace/graph_facts.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

void turn(jit::Graph& graph, jit::Node* product) {
  const jit::WithInsertPoint here(product);
  const auto transposed = [&](jit::Value* value) {
    if (transposes(value->node())) return value->node()->input(0);
    const auto type = value->type()->expect<c10::TensorType>();
    jit::Value* result = graph.insert(c10::aten::permute, {value, std::vector<int64_t>{1, 0}});
    auto sizes = *type->sizes().concrete_sizes();
    std::reverse(sizes.begin(), sizes.end());
    return result->setType(c10::TensorType::createContiguous(*type->scalarType(), *type->device(), sizes));
  };
  jit::Value* first = transposed(product->input(1));
  jit::Value* second = transposed(product->input(0));
  jit::Value* turned = graph.insertNode(graph.create(c10::aten::mm, {first, second}, 1))->output();
  const auto type = product->output()->uses()[0].user->output()->type()->expect<c10::TensorType>();
  turned->setType(
      c10::TensorType::createContiguous(*type->scalarType(), *type->device(), *type->sizes().concrete_sizes()));
  while (!product->output()->uses().empty()) {
    jit::Node* reader = product->output()->uses()[0].user;
    reader->output()->replaceAllUsesWith(turned);
    reader->destroy();
  }
  product->destroy();
}

void visit(jit::Graph& graph, jit::Block* block, const jit::AliasDb& aliases) {
  for (auto it = block->nodes().begin(); it != block->nodes().end();) {
    jit::Node* node = *it;
    ++it;
    for (jit::Block* inner : node->blocks()) visit(graph, inner, aliases);
    if (node->kind() != c10::aten::mm || node->output()->uses().empty() || aliases.hasWriters(node)) continue;
    const auto& uses = node->output()->uses();
    if (!std::all_of(uses.begin(), uses.end(), [](const jit::Use& use) { return transposes(use.user); })) continue;
    if (!sizes_of(node->input(0)).has_value() || !sizes_of(node->input(1)).has_value() ||
        !sizes_of(uses[0].user->output()).has_value())
      continue;
    // The walk must not go on from a node that is gone.
    while (it != block->nodes().end() && transposes(*it) && (*it)->input(0) == node->output()) ++it;
    turn(graph, node);
  }
}

}  // namespace

void turn_products(const std::shared_ptr<jit::Graph>& graph) {
  const jit::AliasDb aliases(graph);
  visit(*graph, graph->block(), aliases);
}

}  // namespace equinode::trace
