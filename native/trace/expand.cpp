#include "native/trace/expand.h"

#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <vector>

#include "native/base/error.h"
#include "native/trace/form.h"
#include "native/trace/graph_facts.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

// Below all layers there is no batch to look beyond.
c10::Symbol unvmap_symbol() {
  static const c10::Symbol symbol = c10::Symbol::fromQualString("equinode::unvmap_any");
  return symbol;
}

void expand_block(jit::Graph& graph, jit::Block* block) {
  for (auto it = block->nodes().begin(); it != block->nodes().end();) {
    jit::Node* node = *it;
    ++it;
    for (jit::Block* inner : node->blocks()) expand_block(graph, inner);
    if (node->kind() == unvmap_symbol()) {
      const jit::WithInsertPoint before(node);
      jit::Value* any = graph.insert(c10::aten::any, {node->input(0)})->setType(node->output()->type());
      node->output()->replaceAllUsesWith(any);
      node->destroy();
      continue;
    }
    if (node->kind() != control_symbol()) continue;
    const auto id = jit::toIValue(node->input(1));
    require(id.has_value() && node->input(0)->node()->kind() == c10::prim::ListConstruct, kTransform,
            "expected control flow as it was recorded");
    const auto form = form_of(id->toInt());
    const jit::WithInsertPoint before(node);
    // The walk goes on behind this mark, since what is inserted may hold control flow itself.
    jit::Node* mark = graph.insertNode(graph.createNone());
    const auto results = form->expand(graph, node->input(0)->node()->inputs().vec());
    if (!results.has_value()) {
      mark->destroy();
      continue;
    }
    it = mark->iterator();
    ++it;
    const std::vector<jit::Use> uses = node->output()->uses();
    for (const jit::Use& use : uses) {
      require(use.user->kind() == c10::prim::ListUnpack, kTransform, "expected results of control flow one by one");
      for (size_t i = 0; i < results->size(); ++i) use.user->output(i)->replaceAllUsesWith((*results)[i]);
      use.user->destroy();
    }
    if (it != block->nodes().end() && *it == node) ++it;
    node->destroy();
    mark->destroy();
  }
}

bool can_move(const jit::Node* node, const jit::AliasDb& aliases) {
  if (node->kind() == c10::prim::Constant) return true;
  if (!node->blocks().empty() || node->hasSideEffects() || node->outputs().empty()) return false;
  if (node->kind() != c10::prim::ListConstruct && node->kind() != c10::prim::ListUnpack) {
    const c10::FunctionSchema* schema = node->maybeSchema();
    if (schema == nullptr || schema->is_mutable()) return false;
  }
  return !aliases.hasWriters(node);
}

void hoist_from(jit::Block* block, const jit::AliasDb& aliases) {
  for (auto it = block->nodes().begin(); it != block->nodes().end();) {
    jit::Node* node = *it;
    ++it;
    for (jit::Block* inner : node->blocks()) hoist_from(inner, aliases);
    if (node->kind() != c10::prim::Loop) continue;
    jit::Block* body = node->blocks()[0];
    const auto stays = [&](const jit::Value* input) { return is_inside(input, body); };
    for (auto inner = body->nodes().begin(); inner != body->nodes().end();) {
      jit::Node* candidate = *inner;
      ++inner;
      if (!can_move(candidate, aliases)) continue;
      if (std::any_of(candidate->inputs().begin(), candidate->inputs().end(), stays)) continue;
      candidate->moveBefore(node);
    }
  }
}

}  // namespace

void expand_control(const std::shared_ptr<jit::Graph>& graph) { expand_block(*graph, graph->block()); }

void hoist_invariants(const std::shared_ptr<jit::Graph>& graph) {
  const auto nodes = graph->nodes();
  const bool has_loop =
      std::any_of(nodes.begin(), nodes.end(), [](const jit::Node* node) { return !node->blocks().empty(); });
  if (!has_loop) return;
  const jit::AliasDb aliases(graph);
  hoist_from(graph->block(), aliases);
}

}  // namespace equinode::trace
