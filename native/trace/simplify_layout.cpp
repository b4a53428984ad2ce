#include "native/trace/simplify_layout.h"

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "native/trace/rearrangement.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

using Sizes = std::vector<int64_t>;

std::optional<Sizes> sizes_of(const jit::Value* value) {
  const auto type = value->type()->cast<c10::TensorType>();
  if (type == nullptr || !type->scalarType().has_value()) return std::nullopt;
  auto sizes = type->sizes().concrete_sizes();
  if (!sizes.has_value() || c10::multiply_integers(*sizes) == 0) return std::nullopt;
  return sizes;
}

// What a node does to the elements of its first input.
enum class Move { kNone, kView, kPermute, kCopy };

Move move_of(const jit::Node* node) {
  static const std::unordered_map<std::string, Move> moves = {
      {"aten::view", Move::kView},         {"aten::_unsafe_view", Move::kView},
      {"aten::reshape", Move::kView},      {"aten::unsqueeze", Move::kView},
      {"aten::squeeze.dim", Move::kView},  {"aten::squeeze", Move::kView},
      {"aten::squeeze.dims", Move::kView}, {"aten::expand", Move::kView},
      {"aten::t", Move::kPermute},         {"aten::transpose.int", Move::kPermute},
      {"aten::permute", Move::kPermute},   {"aten::clone", Move::kCopy},
  };
  const c10::FunctionSchema* schema = node->maybeSchema();
  if (schema == nullptr || node->outputs().size() != 1) return Move::kNone;
  const std::string& overload = schema->overload_name();
  const auto found = moves.find(overload.empty() ? schema->name() : schema->name() + "." + overload);
  if (found == moves.end()) return Move::kNone;
  const auto from = sizes_of(node->input(0));
  const auto to = sizes_of(node->output());
  // An expansion repeats elements, unless it adds no more than axes of size 1.
  if (!from.has_value() || !to.has_value() || c10::multiply_integers(*from) != c10::multiply_integers(*to)) {
    return Move::kNone;
  }
  return found->second;
}

int64_t axis_at(const jit::Value* value, size_t rank) {
  const int64_t axis = jit::toIValue(value)->toInt();
  return axis < 0 ? axis + static_cast<int64_t>(rank) : axis;
}

// The permutation of a node; nothing if the graph does not say which.
std::optional<Sizes> axes_of(const jit::Node* node, size_t rank) {
  for (size_t i = 1; i < node->inputs().size(); ++i) {
    if (!jit::toIValue(node->input(i)).has_value()) return std::nullopt;
  }
  Sizes axes(rank);
  for (size_t i = 0; i < rank; ++i) axes[i] = static_cast<int64_t>(i);
  if (node->kind() == c10::aten::permute) {
    axes = jit::toIValue(node->input(1))->toIntVector();
    for (int64_t& axis : axes) axis = axis < 0 ? axis + static_cast<int64_t>(rank) : axis;
  } else if (node->kind() == c10::aten::transpose) {
    if (rank > 0) std::swap(axes[axis_at(node->input(1), rank)], axes[axis_at(node->input(2), rank)]);
  } else {
    std::reverse(axes.begin(), axes.end());
  }
  return axes;
}

// Operators that read a tensor as fast however its axes lie in memory, or copy it themselves where they must.
bool reads_any_layout(const jit::Node* node) {
  switch (node->kind()) {
    case c10::aten::mm:
    case c10::aten::bmm:
    case c10::aten::clone:
      return true;
    default:
      return false;
  }
}

// Whether memory of what is used may become part of a result: then a copy is there so that it is nobody else's.
bool may_keep(const jit::Use& use) {
  const c10::FunctionSchema* schema = use.user->maybeSchema();
  if (schema == nullptr || use.user->kind().is_prim() || !use.user->blocks().empty()) return true;
  return use.offset >= schema->arguments().size() || schema->arguments()[use.offset].alias_info() != nullptr;
}

class Simplifier {
 public:
  explicit Simplifier(const std::shared_ptr<jit::Graph>& graph) : graph_(*graph), aliases_(graph) {}

  void run() {
    // A program makes its inputs contiguous.
    for (jit::Value* input : graph_.inputs()) contiguous_.insert(input);
    walk(graph_.block());
  }

 private:
  // What a value is: a rearrangement of another, the root.
  struct Place {
    jit::Value* root;
    Rearrangement rearrangement;
  };

  void walk(jit::Block* block) {
    made_.emplace_back();
    for (auto it = block->nodes().begin(); it != block->nodes().end();) {
      jit::Node* node = *it;
      ++it;
      if (!follow(node)) {
        note_layout(node);
        replace_inputs(node);
        for (jit::Block* inner : node->blocks()) walk(inner);
      }
    }
    replace_inputs(block->return_node());
    made_.pop_back();
  }

  Place place_of(jit::Value* value) const {
    const auto found = places_.find(value);
    return found == places_.end() ? Place{value, Rearrangement(*sizes_of(value))} : found->second;
  }

  // Whether the node is one that moves elements, so that it is known what its output is.
  bool follow(jit::Node* node) {
    const Move move = move_of(node);
    if (move == Move::kNone || aliases_.hasWriters(node)) return false;
    const Place from = place_of(node->input(0));
    std::optional<Rearrangement> next;
    if (move == Move::kView) {
      next = from.rearrangement.viewed(*sizes_of(node->output()));
    } else if (move == Move::kPermute) {
      const auto axes = axes_of(node, from.rearrangement.sizes().size());
      if (axes.has_value()) next = from.rearrangement.permuted(*axes);
    } else if (is_needless(node, from)) {
      next = from.rearrangement;
    }
    if (!next.has_value()) return false;
    places_.emplace(node->output(), Place{from.root, *next});
    return true;
  }

  // Whether all that reads the copy, through whatever moves, can read a view of what it is a copy of instead.
  bool is_needless(const jit::Node* copy, const Place& from) const {
    if (contiguous_.count(from.root) == 0) return false;
    // Rearrangements of the root that follow on the copy.
    std::unordered_map<const jit::Value*, Rearrangement> follow = {{copy->output(), from.rearrangement}};
    std::vector<const jit::Value*> waiting = {copy->output()};
    while (!waiting.empty()) {
      const jit::Value* value = waiting.back();
      waiting.pop_back();
      const Rearrangement rearrangement = follow.at(value);
      for (const jit::Use& use : value->uses()) {
        const jit::Node* user = use.user;
        const Move move = move_of(user);
        if (move == Move::kView || move == Move::kPermute) {
          std::optional<Rearrangement> next;
          if (move == Move::kView) {
            next = rearrangement.viewed(*sizes_of(user->output()));
          } else if (const auto axes = axes_of(user, rearrangement.sizes().size())) {
            next = rearrangement.permuted(*axes);
          }
          if (!next.has_value()) return false;
          follow.emplace(user->output(), *next);
          waiting.push_back(user->output());
          continue;
        }
        if (may_keep(use)) return false;
        if (!rearrangement.keeps_order() && !(rearrangement.is_view() && reads_any_layout(user))) return false;
      }
    }
    return true;
  }

  // Notes which outputs of a node that stays are contiguous, whatever was made of its inputs.
  void note_layout(jit::Node* node) {
    const c10::FunctionSchema* schema = node->maybeSchema();
    if (node->kind() == c10::prim::Constant) {
      const auto value = jit::toIValue(node->output());
      if (value.has_value() && value->isTensor() && value->toTensor().is_contiguous())
        contiguous_.insert(node->output());
      return;
    }
    if (schema == nullptr || schema->is_mutable() || aliases_.hasWriters(node)) return;
    static const std::unordered_set<std::string> always = {
        "aten::mm",        "aten::bmm",          "aten::addmm", "aten::baddbmm", "aten::native_layer_norm",
        "aten::embedding", "aten::index_select", "aten::stack",
    };
    static const std::unordered_set<std::string> as_inputs = {
        "aten::clone",
        "aten::gelu",
        "aten::gelu_backward",
        "aten::tanh",
        "aten::_softmax",
        "aten::_softmax_backward_data",
        "aten::native_layer_norm_backward",
        "aten::tanh_backward",
        "aten::sigmoid",
        "aten::sigmoid_backward",
        "aten::relu",
        "aten::threshold_backward",
        "aten::add",
        "aten::sub",
        "aten::mul",
        "aten::div",
        "aten::cat",
        "aten::sum",
        "aten::mean",
        "aten::exp",
        "aten::log",
        "aten::neg",
        "aten::pow",
        "aten::where",
    };
    bool is_contiguous =
        always.count(schema->name()) > 0 || (node->kind() == c10::aten::clone && makes_contiguous(node));
    if (!is_contiguous && as_inputs.count(schema->name()) > 0) {
      is_contiguous = true;
      const auto check = [&](jit::Value* input) {
        if (!input->type()->isSubtypeOf(*c10::TensorType::get())) return;
        is_contiguous = is_contiguous && sizes_of(input).has_value() && is_known_contiguous(input);
      };
      for (jit::Value* input : node->inputs()) {
        if (input->node()->kind() == c10::prim::ListConstruct) {
          for (jit::Value* element : input->node()->inputs()) check(element);
        } else {
          check(input);
        }
      }
    }
    if (!is_contiguous) return;
    for (jit::Value* output : node->outputs()) contiguous_.insert(output);
  }

  static bool makes_contiguous(const jit::Node* copy) {
    const auto format = jit::toIValue(copy->input(1));
    return format.has_value() && format->isInt() &&
           format->toInt() == static_cast<int64_t>(at::MemoryFormat::Contiguous);
  }

  bool is_known_contiguous(jit::Value* value) const {
    const Place place = place_of(value);
    return contiguous_.count(place.root) > 0 && place.rearrangement.keeps_order();
  }

  void replace_inputs(jit::Node* node) {
    for (size_t i = 0; i < node->inputs().size(); ++i) {
      const auto found = places_.find(node->input(i));
      if (found == places_.end()) continue;
      // What leaves the graph stays a tensor of its own.
      if (node->kind() == c10::prim::Return && found->second.rearrangement.sizes() == *sizes_of(found->second.root) &&
          found->second.rearrangement.keeps_order()) {
        continue;
      }
      node->replaceInput(i, insert(found->second, node));
    }
  }

  // The value of a place, made before the node.
  jit::Value* insert(const Place& place, jit::Node* before) {
    const Rearrangement::Steps steps = place.rearrangement.steps();
    const jit::WithInsertPoint here(before);
    const bool is_contiguous = contiguous_.count(place.root) > 0;
    jit::Value* value = place.root;
    const auto view = [&](const Sizes& sizes, bool always_exists) {
      if (*sizes_of(value) == sizes) return;
      value = add(always_exists ? c10::aten::view : c10::aten::reshape, value, sizes, sizes);
    };
    if (steps.axes.empty()) {
      view(steps.after, is_contiguous);
    } else {
      view(steps.before, is_contiguous);
      Sizes permuted;
      for (const int64_t axis : steps.axes) permuted.push_back(steps.before[static_cast<size_t>(axis)]);
      value = add(c10::aten::permute, value, steps.axes, permuted);
      view(steps.after, is_contiguous && place.rearrangement.is_view());
    }
    return value;
  }

  // Adds a node, unless there is one already.
  jit::Value* add(c10::Symbol kind, jit::Value* from, const Sizes& argument, const Sizes& sizes) {
    const Made key = {kind, from, argument};
    for (const auto& made : made_) {
      if (const auto found = made.find(key); found != made.end()) return found->second;
    }
    jit::Value* constant = graph_.insertConstant(argument);
    jit::Value* value = graph_.insertNode(graph_.create(kind, {from, constant}, 1))->output();
    const auto type = from->type()->expect<c10::TensorType>();
    value->setType(c10::TensorType::createContiguous(*type->scalarType(), *type->device(), sizes));
    made_.back().emplace(key, value);
    return value;
  }

  jit::Graph& graph_;
  const jit::AliasDb aliases_;
  std::unordered_map<const jit::Value*, Place> places_;
  std::unordered_set<const jit::Value*> contiguous_;
  // What was inserted in each of the blocks around.
  using Made = std::tuple<c10::Symbol, jit::Value*, Sizes>;
  std::vector<std::map<Made, jit::Value*>> made_;
};

}  // namespace

void simplify_layout(const std::shared_ptr<jit::Graph>& graph) { Simplifier(graph).run(); }

}  // namespace equinode::trace
