#include "native/trace/custom_calls.h"

#include <vector>

#include "native/base/error.h"

namespace equinode::trace {

namespace jit = torch::jit;

c10::Symbol custom_call_symbol() {
  static const c10::Symbol symbol = c10::Symbol::fromQualString("equinode::custom_call");
  return symbol;
}

void take_plain_results(jit::Block* block) {
  for (auto it = block->nodes().begin(); it != block->nodes().end();) {
    jit::Node* node = *it;
    ++it;
    for (jit::Block* inner : node->blocks()) take_plain_results(inner);
    if (node->kind() != custom_call_symbol()) continue;
    const auto plain = node->input(1)->node()->inputs();
    const std::vector<jit::Use> uses = node->output()->uses();
    for (const jit::Use& use : uses) {
      require(use.user->kind() == c10::prim::ListUnpack, kTransform, "expected results of a custom call one by one");
      for (size_t i = 0; i < plain.size(); ++i) use.user->output(i)->replaceAllUsesWith(plain[i]);
      if (it != block->nodes().end() && *it == use.user) ++it;
      use.user->destroy();
    }
    node->destroy();
  }
}

bool forget_plain_results(jit::Graph& graph) {
  bool found = false;
  for (jit::Node* node : graph.nodes()) {
    if (node->kind() != custom_call_symbol()) continue;
    found = true;
    const jit::WithInsertPoint before(node);
    node->replaceInput(1, graph.insertNode(graph.createList(c10::TensorType::get(), {}))->output());
  }
  return found;
}

}  // namespace equinode::trace
