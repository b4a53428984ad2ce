#include "native/trace/with_derivatives.h"

#include <torch/csrc/jit/ir/constants.h>

#include <optional>
#include <vector>

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

c10::Symbol aten(const char* name) { return c10::Symbol::fromQualString(std::string("aten::") + name); }

bool is_false(jit::Value* value) {
  const std::optional<c10::IValue> constant = jit::toIValue(value);
  return constant.has_value() && constant->isBool() && !constant->toBool();
}

// Puts another operator in a node's place, of as many results or more.
void replace(jit::Node* node, c10::Symbol kind, const std::vector<jit::Value*>& inputs, size_t results) {
  jit::Node* other = node->owningGraph()->create(kind, inputs, results);
  other->insertBefore(node);
  for (size_t i = 0; i < node->outputs().size(); ++i) node->output(i)->replaceAllUsesWith(other->output(i));
}

// Where the flag at `at` is false, so that only the values are computed, computes the vectors too.
bool compute_vectors(jit::Node* node, size_t at) {
  if (!is_false(node->input(at))) return false;
  std::vector<jit::Value*> inputs = node->inputs().vec();
  const jit::WithInsertPoint before(node);
  inputs[at] = node->owningGraph()->insertConstant(true);
  replace(node, node->kind(), inputs, node->outputs().size());
  return true;
}

bool is_replaced(jit::Node* node) {
  static const c10::Symbol svd = aten("_linalg_svd");
  static const c10::Symbol eigh = aten("_linalg_eigh");
  static const c10::Symbol eigvals = aten("_linalg_eigvals");
  static const c10::Symbol bag = aten("_embedding_bag_forward_only");
  const c10::Symbol kind = node->kind();
  if (kind == svd || kind == eigh) return compute_vectors(node, 2);
  if (kind != eigvals && kind != bag) return false;
  const bool is_bag = kind == bag;
  replace(node, aten(is_bag ? "_embedding_bag" : "linalg_eig"), node->inputs().vec(), is_bag ? 4 : 2);
  return true;
}

void take(jit::Block* block) {
  for (auto it = block->nodes().begin(); it != block->nodes().end();) {
    jit::Node* node = *it;
    ++it;
    for (jit::Block* inner : node->blocks()) take(inner);
    if (is_replaced(node)) node->destroy();
  }
}

}  // namespace

void take_operators_with_derivatives(jit::Graph& graph) { take(graph.block()); }

}  // namespace equinode::trace
