#include "native/trace/fuse_pointwise.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "native/trace/hidden_writes.h"
#include "native/trace/pointwise_builder.h"
#include "native/trace/pointwise_rules.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

// Finds the groups. See NOTE [fusion levels].
class Groups {
 public:
  explicit Groups(const std::vector<jit::Node*>& nodes) : nodes_(nodes), shapes_(nodes.size()), levels_(nodes.size()) {
    for (size_t i = 0; i < nodes.size(); ++i) index_[nodes[i]] = i;
    for (size_t i = 0; i < nodes.size(); ++i) shapes_[i] = fusible_shape(nodes[i]);
    find_levels();
    unite();
  }

  // The members of each group of at least two nodes, in the order of the graph.
  std::vector<std::vector<size_t>> found() {
    std::map<size_t, std::vector<size_t>> by_root;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (shapes_[i].has_value()) by_root[root(i)].push_back(i);
    }
    std::vector<std::vector<size_t>> groups;
    for (auto& [leader, members] : by_root) {
      if (members.size() > 1) groups.push_back(std::move(members));
    }
    return groups;
  }

 private:
  bool same_shape(size_t one, size_t two) const { return shapes_[one].has_value() && shapes_[one] == shapes_[two]; }

  void find_levels() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      for (const jit::Value* input : nodes_[i]->inputs()) {
        const auto producer = index_.find(input->node());
        if (producer == index_.end()) continue;
        const int64_t step = same_shape(producer->second, i) ? 0 : 1;
        levels_[i] = std::max(levels_[i], levels_[producer->second] + step);
      }
    }
    // A node all of whose consumers among these are fusible with it may wait for them: the others come later anyway.
    for (size_t i = nodes_.size(); i-- > 0;) {
      if (!shapes_[i].has_value()) continue;
      std::optional<int64_t> lowest;
      bool waits = true;
      for (const jit::Use& use : nodes_[i]->output()->uses()) {
        const auto consumer = index_.find(use.user);
        if (consumer == index_.end()) continue;
        waits = waits && same_shape(i, consumer->second);
        if (waits) lowest = std::min(lowest.value_or(levels_[consumer->second]), levels_[consumer->second]);
      }
      if (waits && lowest.has_value()) levels_[i] = std::max(levels_[i], *lowest);
    }
  }

  // Joins nodes of one shape and level that feed each other or read the same tensor.
  void unite() {
    parents_.resize(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) parents_[i] = i;
    std::map<std::pair<const jit::Value*, int64_t>, size_t> readers;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (!shapes_[i].has_value()) continue;
      for (const jit::Value* input : nodes_[i]->inputs()) {
        const auto shape = float_shape(input);
        if (!shape.has_value() || shape != shapes_[i]) continue;
        const auto producer = index_.find(input->node());
        if (producer != index_.end() && same_shape(producer->second, i) && levels_[producer->second] == levels_[i]) {
          parents_[root(i)] = root(producer->second);
        }
        const auto [reader, is_first] = readers.try_emplace({input, levels_[i]}, i);
        if (!is_first) parents_[root(i)] = root(reader->second);
      }
    }
  }

  size_t root(size_t i) {
    while (parents_[i] != i) i = parents_[i] = parents_[parents_[i]];
    return i;
  }

  const std::vector<jit::Node*>& nodes_;
  std::unordered_map<const jit::Node*, size_t> index_;
  std::vector<std::optional<Shape>> shapes_;
  std::vector<int64_t> levels_;
  std::vector<size_t> parents_;
};

// Orders nodes and groups so that everything stands behind what it reads; near the old order.
std::vector<std::vector<size_t>> ordered(const std::vector<jit::Node*>& nodes,
                                         const std::vector<std::vector<size_t>>& groups) {
  std::vector<std::vector<size_t>> units = groups;
  std::vector<size_t> unit_of(nodes.size(), nodes.size());
  for (size_t u = 0; u < groups.size(); ++u) {
    for (const size_t member : groups[u]) unit_of[member] = u;
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (unit_of[i] != nodes.size()) continue;
    unit_of[i] = units.size();
    units.push_back({i});
  }
  std::unordered_map<const jit::Node*, size_t> index;
  for (size_t i = 0; i < nodes.size(); ++i) index[nodes[i]] = i;
  std::vector<std::set<size_t>> readers(units.size());
  std::vector<size_t> waiting(units.size(), 0);
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const jit::Value* input : nodes[i]->inputs()) {
      const auto producer = index.find(input->node());
      if (producer == index.end()) continue;
      const size_t from = unit_of[producer->second];
      if (from != unit_of[i] && readers[from].insert(unit_of[i]).second) ++waiting[unit_of[i]];
    }
  }
  std::set<std::pair<size_t, size_t>> ready;
  for (size_t u = 0; u < units.size(); ++u) {
    if (waiting[u] == 0) ready.insert({units[u].back(), u});
  }
  std::vector<std::vector<size_t>> order;
  while (!ready.empty()) {
    const size_t u = ready.begin()->second;
    ready.erase(ready.begin());
    order.push_back(units[u]);
    for (const size_t reader : readers[u]) {
      if (--waiting[reader] == 0) ready.insert({units[reader].back(), reader});
    }
  }
  return order;
}

void replace_group(jit::Graph& graph, const std::vector<jit::Node*>& members) {
  const PointBuilder builder(members);
  const PointProgram program = builder.finish();
  jit::Node* list = graph.insertNode(graph.createList(c10::TensorType::get(), builder.inputs()));
  jit::Value* code = graph.insertConstant(program.encode());
  jit::Value* constants = graph.insertConstant(builder.constants());
  static const c10::Symbol symbol = c10::Symbol::fromQualString("equinode::pointwise");
  jit::Node* fused = graph.insertNode(graph.create(symbol, {list->output(), code, constants}, 1));
  fused->output()->setType(c10::ListType::ofTensors());
  jit::Node* unpack = graph.insertNode(graph.createListUnpack(fused->output(), builder.outputs().size()));
  for (size_t i = 0; i < builder.outputs().size(); ++i) {
    unpack->outputs()[i]->setType(builder.outputs()[i]->type());
    builder.outputs()[i]->replaceAllUsesWith(unpack->outputs()[i]);
  }
  for (auto member = members.rbegin(); member != members.rend(); ++member) (*member)->destroy();
}

// Fuses among nodes that follow each other, `end` being the node behind them.
void fuse_run(jit::Graph& graph, const std::vector<jit::Node*>& nodes, jit::Node* end) {
  const auto groups = Groups(nodes).found();
  if (groups.empty()) return;
  const auto order = ordered(nodes, groups);
  const jit::WithInsertPoint at_end(end);
  for (const std::vector<size_t>& unit : order) {
    for (const size_t member : unit) nodes[member]->moveBefore(end);
    if (unit.size() == 1) continue;
    std::vector<jit::Node*> members;
    for (const size_t member : unit) members.push_back(nodes[member]);
    replace_group(graph, members);
  }
}

// Writes, loops and branches keep their places: only what lies between two of them changes its order.
bool keeps_place(const jit::Node* node) {
  const c10::FunctionSchema* schema = node->maybeSchema();
  const bool writes = schema != nullptr && schema->is_mutable();
  return writes || updates_statistics(*node) || node->hasSideEffects() || !node->blocks().empty();
}

void fuse_block(jit::Graph& graph, jit::Block* block) {
  std::vector<jit::Node*> run;
  std::vector<jit::Node*> all(block->nodes().begin(), block->nodes().end());
  for (jit::Node* node : all) {
    if (!keeps_place(node)) {
      run.push_back(node);
      continue;
    }
    fuse_run(graph, run, node);
    run.clear();
    for (jit::Block* inner : node->blocks()) fuse_block(graph, inner);
  }
  fuse_run(graph, run, block->return_node());
}

}  // namespace

void fuse_pointwise(const std::shared_ptr<jit::Graph>& graph) { fuse_block(*graph, graph->block()); }

}  // namespace equinode::trace
