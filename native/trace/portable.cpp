#include "native/trace/portable.h"

#include <torch/csrc/jit/ir/constants.h>

#include <string>
#include <vector>

#include "native/base/error.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

std::vector<jit::Node*> all_nodes(jit::Block* block) {
  std::vector<jit::Node*> nodes;
  for (jit::Node* node : block->nodes()) {
    nodes.push_back(node);
    for (jit::Block* inner : node->blocks()) {
      const std::vector<jit::Node*> below = all_nodes(inner);
      nodes.insert(nodes.end(), below.begin(), below.end());
    }
  }
  return nodes;
}

// if pred and index == i: raise the message i
void raise_if(jit::Graph& graph, jit::Value* failed, const std::string& message) {
  jit::Node* branch = graph.insertNode(graph.create(c10::prim::If, {failed}, 0));
  jit::Block* taken = branch->addBlock();
  branch->addBlock();
  const jit::WithInsertPoint inside(taken);
  jit::Value* text = graph.insertConstant(message);
  jit::Value* kind = graph.insertConstant(std::string("builtins.RuntimeError"));
  graph.insertNode(graph.create(c10::prim::RaiseException, {text, kind}, 0));
}

void expand_check(jit::Graph& graph, jit::Node* check) {
  const jit::WithInsertPoint before(check);
  jit::Value* pred = check->input(0);
  const auto messages = jit::toIValue(check->input(2));
  require(messages.has_value(), kTransform, "expected a check with constant messages, got one without");
  const c10::ArrayRef<c10::IValue> texts = messages->toListRef();
  for (size_t i = 0; i < texts.size(); ++i) {
    jit::Value* failed = pred;
    if (texts.size() > 1) {
      jit::Value* chosen = graph.insert(c10::aten::eq, {check->input(1), static_cast<int64_t>(i)});
      failed = graph.insert(c10::aten::logical_and, {pred, chosen});
    }
    jit::Value* any = graph.insert(c10::aten::any, {failed});
    raise_if(graph, graph.insert(c10::aten::Bool, {any}), texts[i].toStringRef());
  }
}

}  // namespace

void make_portable(const std::shared_ptr<jit::Graph>& graph) {
  std::vector<jit::Node*> gone;
  for (jit::Node* node : all_nodes(graph->block())) {
    const std::string name = node->kind().toQualString();
    if (name == "equinode::after" || name == "equinode::stop" || name == "equinode::tap") {
      node->output()->replaceAllUsesWith(node->input(0));
      gone.push_back(node);
    } else if (name == "equinode::check") {
      expand_check(*graph, node);
      gone.push_back(node);
    } else {
      require(node->kind().ns().toUnqualString() != std::string("equinode"), kTransform,
              "expected operators that libtorch has, got ", name,
              ", which only Equinode knows. Compute what it gives outside, and pass it as an argument.");
    }
  }
  // The last first, since a result may be the operand of a later one.
  for (auto node = gone.rbegin(); node != gone.rend(); ++node) (*node)->destroy();
}

}  // namespace equinode::trace
