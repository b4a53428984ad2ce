#include "native/trace/fuse_pointwise.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "native/trace/pointwise.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

using Shape = std::vector<int64_t>;

// What an operator becomes. Operands are argument positions; a negative one is absent.
struct Rule {
  PointOp op;
  int a;
  int b;
  int c;
  // The position of a factor of the last operand (`alpha`, `value`), or -1.
  int scale;
};

// The operators that are fused, by schema name. The one place that lists them.
const std::map<std::string, Rule>& rules() {
  static const std::map<std::string, Rule> table = {
      {"aten::add.Tensor", {PointOp::kAdd, 0, 1, -1, 2}},
      {"aten::add.Scalar", {PointOp::kAdd, 0, 1, -1, 2}},
      {"aten::sub.Tensor", {PointOp::kSub, 0, 1, -1, 2}},
      {"aten::sub.Scalar", {PointOp::kSub, 0, 1, -1, 2}},
      {"aten::rsub.Scalar", {PointOp::kSub, 1, 0, -1, 2}},
      {"aten::mul.Tensor", {PointOp::kMul, 0, 1, -1, -1}},
      {"aten::mul.Scalar", {PointOp::kMul, 0, 1, -1, -1}},
      {"aten::div.Tensor", {PointOp::kDiv, 0, 1, -1, -1}},
      {"aten::div.Scalar", {PointOp::kDiv, 0, 1, -1, -1}},
      {"aten::neg", {PointOp::kNeg, 0, -1, -1, -1}},
      {"aten::abs", {PointOp::kAbs, 0, -1, -1, -1}},
      {"aten::sqrt", {PointOp::kSqrt, 0, -1, -1, -1}},
      {"aten::reciprocal", {PointOp::kReciprocal, 0, -1, -1, -1}},
      {"aten::relu", {PointOp::kRelu, 0, -1, -1, -1}},
      {"aten::threshold_backward", {PointOp::kThreshold, 0, 1, 2, -1}},
      {"aten::lerp.Scalar", {PointOp::kLerpLow, 0, 1, 2, -1}},
      {"aten::sigmoid_backward", {PointOp::kSigmoidBackward, 0, 1, -1, -1}},
      {"aten::tanh_backward", {PointOp::kTanhBackward, 0, 1, -1, -1}},
      {"aten::addcmul", {PointOp::kAdd, 0, 1, 2, 3}},
      {"aten::addcdiv", {PointOp::kAdd, 0, 1, 2, 3}},
      {"aten::pow.Tensor_Scalar", {PointOp::kMul, 0, 0, -1, -1}},
  };
  return table;
}

std::string schema_name(const jit::Node* node) {
  const c10::FunctionSchema* schema = node->maybeSchema();
  if (schema == nullptr) return "";
  return schema->overload_name().empty() ? schema->name() : schema->name() + "." + schema->overload_name();
}

// The sizes of a float32 tensor on the CPU.
std::optional<Shape> float_shape(const jit::Value* value) {
  const auto type = value->type()->cast<c10::TensorType>();
  if (type == nullptr || type->scalarType() != at::kFloat) return std::nullopt;
  if (!type->device().has_value() || !type->device()->is_cpu()) return std::nullopt;
  const auto sizes = type->sizes().concrete_sizes();
  return sizes.has_value() ? std::optional<Shape>(*sizes) : std::nullopt;
}

// A number that is known now: a scalar argument, or a tensor that stands for a JavaScript number.
std::optional<double> constant_of(const jit::Value* value) {
  const auto known = jit::toIValue(value);
  if (!known.has_value()) return std::nullopt;
  if (known->isInt()) return static_cast<double>(known->toInt());
  if (known->isDouble()) return known->toDouble();
  if (!known->isTensor()) return std::nullopt;
  const at::Tensor& tensor = known->toTensor();
  if (!tensor.defined() || tensor.dim() != 0 || !tensor.is_cpu() || tensor.is_complex()) return std::nullopt;
  return tensor.item<double>();
}

bool is_operand(const jit::Value* value, const Shape& shape) {
  if (constant_of(value).has_value()) return true;
  const auto own = float_shape(value);
  return own.has_value() && (own->empty() || *own == shape);
}

// The shape in which a node can be fused.
std::optional<Shape> fusible_shape(const jit::Node* node) {
  const std::string name = schema_name(node);
  const auto found = rules().find(name);
  if (found == rules().end() || node->outputs().size() != 1) return std::nullopt;
  const auto shape = float_shape(node->output());
  if (!shape.has_value() || shape->empty() || c10::multiply_integers(*shape) == 0) return std::nullopt;
  const Rule& rule = found->second;
  for (const int position : {rule.a, rule.b, rule.c}) {
    if (position >= 0 && !is_operand(node->input(position), *shape)) return std::nullopt;
  }
  if (rule.scale >= 0 && !constant_of(node->input(rule.scale)).has_value()) return std::nullopt;
  if (name == "aten::pow.Tensor_Scalar" && constant_of(node->input(1)) != 2.0) return std::nullopt;
  if (name == "aten::lerp.Scalar" && !constant_of(node->input(2)).has_value()) return std::nullopt;
  return shape;
}

// Builds the program of one group, node by node.
class Builder {
 public:
  explicit Builder(const std::vector<jit::Node*>& members) : members_(members) {
    const std::set<const jit::Node*> inside(members.begin(), members.end());
    for (jit::Node* node : members) {
      const auto& uses = node->output()->uses();
      const bool escapes =
          std::any_of(uses.begin(), uses.end(), [&](const jit::Use& use) { return inside.count(use.user) == 0; });
      if (escapes) outputs_.push_back(node->output());
    }
    for (jit::Node* node : members) add(node);
  }

  const std::vector<jit::Value*>& inputs() const { return inputs_; }
  const std::vector<jit::Value*>& outputs() const { return outputs_; }
  const std::vector<double>& constants() const { return constants_; }

  // Numbers the registers: while building, they carry their kind.
  PointProgram finish() const {
    PointProgram program;
    program.inputs = static_cast<int64_t>(inputs_.size());
    program.constants = static_cast<int64_t>(constants_.size());
    program.outputs = static_cast<int64_t>(outputs_.size());
    // A temporary is free again after its last use.
    std::vector<size_t> last(static_cast<size_t>(temporaries_), 0);
    for (size_t i = 0; i < steps_.size(); ++i) {
      for (const Place& place : {steps_[i].target, steps_[i].a, steps_[i].b, steps_[i].c}) {
        if (place.kind == Kind::kTemporary) last[static_cast<size_t>(place.index)] = i;
      }
    }
    std::map<int64_t, int64_t> assigned;
    std::vector<int64_t> free;
    const int64_t first = program.inputs + program.constants + program.outputs;
    const auto number = [&](const Place& place) -> int64_t {
      switch (place.kind) {
        case Kind::kNone:
          return -1;
        case Kind::kInput:
          return place.index;
        case Kind::kConstant:
          return program.inputs + place.index;
        case Kind::kOutput:
          return program.inputs + program.constants + place.index;
        case Kind::kTemporary:
          break;
      }
      const auto known = assigned.find(place.index);
      if (known != assigned.end()) return first + known->second;
      if (free.empty()) free.push_back(program.temporaries++);
      assigned[place.index] = free.back();
      free.pop_back();
      return first + assigned[place.index];
    };
    for (size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      const int64_t a = number(step.a);
      const int64_t b = number(step.b);
      const int64_t c = number(step.c);
      program.instructions.push_back({step.op, number(step.target), a, b, c});
      for (auto entry = assigned.begin(); entry != assigned.end();) {
        if (last[static_cast<size_t>(entry->first)] > i) {
          ++entry;
        } else {
          free.push_back(entry->second);
          entry = assigned.erase(entry);
        }
      }
    }
    return program;
  }

 private:
  enum class Kind { kNone, kInput, kConstant, kOutput, kTemporary };
  struct Place {
    Kind kind = Kind::kNone;
    int64_t index = 0;
  };
  struct Step {
    PointOp op;
    Place target;
    Place a;
    Place b;
    Place c;
  };

  template <typename T>
  static int64_t position_in(std::vector<T>& list, const T& value) {
    const auto found = std::find(list.begin(), list.end(), value);
    if (found != list.end()) return found - list.begin();
    list.push_back(value);
    return static_cast<int64_t>(list.size()) - 1;
  }

  // 0 equals -0, but is another constant.
  Place constant(double value) {
    const auto same = [value](double known) { return known == value && std::signbit(known) == std::signbit(value); };
    const auto found = std::find_if(constants_.begin(), constants_.end(), same);
    if (found != constants_.end()) return {Kind::kConstant, found - constants_.begin()};
    constants_.push_back(value);
    return {Kind::kConstant, static_cast<int64_t>(constants_.size()) - 1};
  }
  Place temporary() { return {Kind::kTemporary, temporaries_++}; }

  Place operand(jit::Node* node, int position) {
    if (position < 0) return {};
    jit::Value* value = node->input(static_cast<size_t>(position));
    const auto made = places_.find(value);
    if (made != places_.end()) return made->second;
    if (const auto known = constant_of(value)) return constant(*known);
    return {Kind::kInput, position_in(inputs_, value)};
  }

  void add(jit::Node* node) {
    const std::string name = schema_name(node);
    const Rule& rule = rules().at(name);
    const auto output = std::find(outputs_.begin(), outputs_.end(), node->output());
    const Place target = output == outputs_.end() ? temporary() : Place{Kind::kOutput, output - outputs_.begin()};
    const double scale = rule.scale < 0 ? 1.0 : *constant_of(node->input(static_cast<size_t>(rule.scale)));
    const Place a = operand(node, rule.a);
    Place b = operand(node, rule.b);
    Place c = operand(node, rule.c);
    PointOp op = rule.op;
    if (name == "aten::addcmul" || name == "aten::addcdiv") {
      // self + value * one * two, in libtorch's order.
      if (scale != 1.0) b = then(PointOp::kMul, constant(scale), b);
      b = then(name == "aten::addcmul" ? PointOp::kMul : PointOp::kDiv, b, c);
      c = {};
    } else if (scale != 1.0) {
      b = then(PointOp::kMul, constant(scale), b);
    }
    if (op == PointOp::kLerpLow && *constant_of(node->input(2)) >= 0.5) op = PointOp::kLerpHigh;
    steps_.push_back({op, target, a, b, c});
    places_[node->output()] = target;
  }

  Place then(PointOp op, Place a, Place b) {
    const Place target = temporary();
    steps_.push_back({op, target, a, b, {}});
    return target;
  }

  std::vector<jit::Node*> members_;
  std::vector<jit::Value*> inputs_;
  std::vector<jit::Value*> outputs_;
  std::vector<double> constants_;
  std::vector<Step> steps_;
  std::unordered_map<jit::Value*, Place> places_;
  int64_t temporaries_ = 0;
};

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
    // A node all of whose consumers are fusible with it may wait for them.
    for (size_t i = nodes_.size(); i-- > 0;) {
      if (!shapes_[i].has_value()) continue;
      std::optional<int64_t> lowest;
      bool waits = true;
      for (const jit::Use& use : nodes_[i]->output()->uses()) {
        const auto consumer = index_.find(use.user);
        waits = waits && consumer != index_.end() && same_shape(i, consumer->second);
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
  const Builder builder(members);
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
  return writes || node->hasSideEffects() || !node->blocks().empty();
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
