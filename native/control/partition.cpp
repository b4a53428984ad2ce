#include "native/control/partition.h"

#include <torch/csrc/jit/ir/alias_analysis.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "native/trace/passes.h"

namespace equinode::control {

namespace jit = torch::jit;

namespace {

bool is_mutable(const jit::Node* node) {
  const c10::FunctionSchema* schema = node->maybeSchema();
  return schema != nullptr && schema->is_mutable();
}

bool is_view(const jit::Node* node) {
  const c10::FunctionSchema* schema = node->maybeSchema();
  if (schema == nullptr || schema->is_mutable() || schema->returns().size() != 1) return false;
  const c10::AliasInfo* alias = schema->returns()[0].alias_info();
  return alias != nullptr && !alias->isWrite() && !alias->isWildcardAfter();
}

// Finds which nodes run late, and what they need of the early ones.
class Splitter {
 public:
  Splitter(jit::Graph& graph, const std::shared_ptr<jit::Graph>& shared, size_t early_inputs,
           const std::vector<bool>& keepable, const std::vector<bool>& invariant)
      : graph_(graph), aliases_(shared), keepable_(keepable) {
    for (size_t i = early_inputs; i < graph.inputs().size(); ++i) depends_.insert(graph.inputs()[i]);
    for (size_t i = 0; i < early_inputs; ++i) {
      if (invariant[i]) invariant_.insert(graph.inputs()[i]);
    }
    for (jit::Node* node : graph.nodes()) follow(node);
    add_written();
  }

  void need(jit::Value* value) {
    if (depends_.count(value) > 0 || !provided_.insert(value).second) return;
    jit::Node* node = value->node();
    if (node->kind() == c10::prim::Param) {
      const size_t index = value->offset();
      if (keepable_[index]) {
        kept.push_back(index);
      } else {
        saved.push_back(value);
      }
      return;
    }
    if (late_.count(node) > 0) return;
    if (is_cheap(node, value)) {
      late_.insert(node);
      for (jit::Value* input : node->inputs()) need(input);
      return;
    }
    saved.push_back(value);
  }

  void need_inputs_of_late() {
    const std::vector<jit::Node*> late(late_.begin(), late_.end());
    for (jit::Node* node : late) {
      for (jit::Value* input : node->inputs()) need(input);
    }
  }

  bool depends(const jit::Node* node) const { return dependent_.count(node) > 0; }
  bool is_late(jit::Node* node) const { return late_.count(node) > 0; }

  std::vector<size_t> kept;
  std::vector<jit::Value*> saved;

 private:
  void follow(jit::Node* node) {
    const auto inputs = node->inputs();
    const auto in = [&](const std::unordered_set<const jit::Value*>& set) {
      return [&set](const jit::Value* value) { return set.count(value) > 0; };
    };
    if (std::any_of(inputs.begin(), inputs.end(), in(depends_))) {
      for (const jit::Value* output : node->outputs()) depends_.insert(output);
      // A write to early memory makes it late.
      if (is_mutable(node)) depends_.insert(inputs[0]);
      dependent_.insert(node);
      late_.insert(node);
    } else if (std::all_of(inputs.begin(), inputs.end(), in(invariant_))) {
      for (const jit::Value* output : node->outputs()) invariant_.insert(output);
    }
  }

  // Memory that a late node writes to is made late, with all that is done to it.
  void add_written() {
    std::vector<jit::Value*> written;
    for (jit::Node* node : graph_.nodes()) {
      if (late_.count(node) > 0 && is_mutable(node)) written.push_back(node->input(0));
    }
    if (written.empty()) return;
    for (jit::Node* node : graph_.nodes()) {
      const bool touches = std::any_of(node->outputs().begin(), node->outputs().end(), [&](const jit::Value* output) {
        return std::any_of(written.begin(), written.end(),
                           [&](jit::Value* value) { return aliases_.mayAlias(output, value); });
      });
      if (touches) late_.insert(node);
    }
  }

  bool is_cheap(const jit::Node* node, const jit::Value* value) const {
    if (node->kind() == c10::prim::Constant) return true;
    if (aliases_.hasWriters(node) || is_mutable(node) || node->outputs().size() != 1) return false;
    if (node->kind() == c10::prim::ListUnpack || node->kind() == trace::control_symbol()) return false;
    if (!value->type()->isSubtypeOf(*c10::TensorType::get())) return true;
    if (is_view(node)) return true;
    return invariant_.count(value) > 0;
  }

  jit::Graph& graph_;
  jit::AliasDb aliases_;
  const std::vector<bool>& keepable_;
  std::unordered_set<const jit::Value*> depends_;
  std::unordered_set<const jit::Value*> invariant_;
  std::unordered_set<const jit::Node*> dependent_;
  std::unordered_set<jit::Node*> late_;
  std::unordered_set<const jit::Value*> provided_;
};

}  // namespace

Partition partition(const trace::Program& joint, size_t early_inputs, size_t early_results,
                    const std::vector<bool>& keepable, const std::vector<bool>& invariant) {
  // The early graph is what is left of a copy.
  const std::shared_ptr<jit::Graph> early = joint.graph().copy();
  Splitter splitter(*early, early, early_inputs, keepable, invariant);
  splitter.need_inputs_of_late();
  for (size_t i = early_results; i < early->outputs().size(); ++i) splitter.need(early->outputs()[i]);

  Partition parts;
  const auto late = std::make_shared<jit::Graph>();
  std::unordered_map<jit::Value*, jit::Value*> map;
  std::sort(splitter.kept.begin(), splitter.kept.end());
  parts.kept = splitter.kept;
  parts.saved = splitter.saved.size();
  const auto add_input = [&](jit::Value* value) { map[value] = late->addInput()->setType(value->type()); };
  for (const size_t index : parts.kept) add_input(early->inputs()[index]);
  for (jit::Value* value : splitter.saved) add_input(value);
  for (size_t i = early_inputs; i < early->inputs().size(); ++i) add_input(early->inputs()[i]);
  const auto mapped = [&](jit::Value* value) { return map.at(value); };
  for (jit::Node* node : early->nodes()) {
    if (!splitter.is_late(node)) continue;
    jit::Node* clone = late->insertNode(late->createClone(node, mapped));
    for (size_t i = 0; i < node->outputs().size(); ++i) map[node->output(i)] = clone->output(i);
  }
  for (size_t i = early_results; i < early->outputs().size(); ++i) late->registerOutput(mapped(early->outputs()[i]));

  while (early->outputs().size() > early_results) early->eraseOutput(early->outputs().size() - 1);
  for (jit::Value* value : splitter.saved) early->registerOutput(value);
  const std::vector<jit::Node*> nodes(early->nodes().begin(), early->nodes().end());
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    if (splitter.depends(*node)) (*node)->destroy();
  }
  while (early->inputs().size() > early_inputs) early->eraseInput(early->inputs().size() - 1);
  trace::optimise(early);
  trace::optimise(late);
  parts.early = std::make_shared<const trace::Program>(early, joint.forms());
  parts.late = std::make_shared<const trace::Program>(late, joint.forms());
  return parts;
}

}  // namespace equinode::control
