#include "native/trace/passes.h"

#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/passes/common_subexpression_elimination.h>
#include <torch/csrc/jit/passes/constant_pooling.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <vector>

#include "native/trace/expand.h"
#include "native/trace/fold_constants.h"
#include "native/trace/fuse_pointwise.h"
#include "native/trace/graph_facts.h"
#include "native/trace/hidden_writes.h"
#include "native/trace/loop_products.h"
#include "native/trace/max_pool.h"
#include "native/trace/simplify_layout.h"
#include "native/trace/turn_products.h"
#include "native/trace/with_derivatives.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

// An operator that is there for the error that it may raise.
struct Check {
  c10::Symbol kind;
  size_t count;
};

bool is_check(const jit::Node& node) {
  const c10::FunctionSchema* schema = node.maybeSchema();
  return node.outputs().empty() && node.blocks().empty() && (schema == nullptr || !schema->is_mutable());
}

// Takes the checks out, since TorchScript takes every operator without results for dead. What they look at becomes
// outputs of the graph, so that it stays and is followed when passes replace it.
std::vector<Check> take_checks(jit::Graph& graph) {
  std::vector<Check> checks;
  std::vector<jit::Node*> nodes;
  for (jit::Node* node : graph.nodes()) {
    if (is_check(*node)) nodes.push_back(node);
  }
  for (jit::Node* node : nodes) {
    checks.push_back({node->kind(), node->inputs().size()});
    for (jit::Value* input : node->inputs()) graph.registerOutput(input);
    node->destroy();
  }
  return checks;
}

void put_back(jit::Graph& graph, const std::vector<Check>& checks) {
  for (auto check = checks.rbegin(); check != checks.rend(); ++check) {
    std::vector<jit::Value*> inputs(check->count);
    jit::Node* last = nullptr;
    for (size_t i = check->count; i-- > 0;) {
      inputs[i] = graph.outputs().back();
      graph.eraseOutput(graph.outputs().size() - 1);
      jit::Node* made_by = inputs[i]->node();
      if (made_by->kind() == c10::prim::Param) continue;
      if (last == nullptr || made_by->isAfter(last)) last = made_by;
    }
    jit::Node* node = graph.create(check->kind, inputs, 0);
    if (last == nullptr) {
      graph.prependNode(node);
    } else {
      node->insertAfter(last);
    }
  }
}

bool has_inner_check(jit::Block* block, bool is_inner) {
  for (jit::Node* node : block->nodes()) {
    if (is_check(*node) && is_inner) return true;
    for (jit::Block* inner : node->blocks()) {
      if (has_inner_check(inner, true)) return true;
    }
  }
  return false;
}

}  // namespace

// Not TorchScript's peepholes: they take x + 0 and x * 1 for x, which is wrong where the operator promotes (a bool
// becomes an int64) and for the sign of zero.
void optimise(const std::shared_ptr<jit::Graph>& graph) {
  const std::vector<Check> checks = take_checks(*graph);
  jit::EliminateDeadCode(graph);
  jit::ConstantPooling(graph);
  jit::EliminateCommonSubexpression(graph);
  jit::EliminateDeadCode(graph);
  put_back(*graph, checks);
}

std::shared_ptr<jit::Graph> for_layers(const std::shared_ptr<jit::Graph>& graph) {
  std::shared_ptr<jit::Graph> copy = graph->copy();
  take_operators_with_derivatives(*copy);
  const jit::AliasDb aliases(copy);
  std::vector<jit::Node*> views;
  for (jit::Node* node : copy->nodes()) {
    // A write through a copy would not reach what it stands for.
    if (is_view(*node) && !aliases.hasWriters(node)) views.push_back(node);
  }
  for (jit::Node* view : views) as_reshape(*copy, view);
  return copy;
}

void clean(const std::shared_ptr<jit::Graph>& graph) {
  // What checks inside a body look at cannot be made outputs of the graph, so all of it stays.
  if (has_inner_check(graph->block(), false)) return;
  const std::vector<Check> checks = take_checks(*graph);
  jit::ConstantPooling(graph);
  jit::EliminateDeadCode(graph);
  put_back(*graph, checks);
}

void specialise(const std::shared_ptr<jit::Graph>& graph) {
  if (!has_hidden_writes(*graph->block())) {
    fold_constants(graph);
    simplify_layout(graph);
    clean(graph);
    turn_products(graph);
    simplify_layout(graph);
    clean(graph);
    hoist_invariants(graph);
    take_products_out(graph);
    clean(graph);
  }
  use_vector_max_pool(graph);
  fuse_pointwise(graph);
  clean(graph);
}

}  // namespace equinode::trace
