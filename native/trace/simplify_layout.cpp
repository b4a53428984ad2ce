#include "native/trace/simplify_layout.h"

#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "native/trace/graph_facts.h"
#include "native/trace/memory_layout.h"
#include "native/trace/rearrangement.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

using Sizes = std::vector<int64_t>;

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
      {"aten::alias", Move::kView},        {"aten::detach", Move::kView},
  };
  const c10::FunctionSchema* schema = node->maybeSchema();
  if (schema == nullptr || node->outputs().size() != 1) return Move::kNone;
  const std::string& overload = schema->overload_name();
  const auto found = moves.find(overload.empty() ? schema->name() : schema->name() + "." + overload);
  if (found == moves.end()) return Move::kNone;
  const auto from = filled_sizes_of(node->input(0));
  const auto to = filled_sizes_of(node->output());
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

// What a move of a node makes of what its input is.
std::optional<Rearrangement> moved(const jit::Node* node, Move move, const Rearrangement& from) {
  if (move == Move::kView) return from.viewed(*filled_sizes_of(node->output()));
  if (move == Move::kCopy) return from;
  const auto axes = axes_of(node, from.sizes().size());
  return axes.has_value() ? std::optional<Rearrangement>(from.permuted(*axes)) : std::nullopt;
}

// Operators that read a tensor as fast however its axes lie in memory, or copy it themselves where they must, with
// results that do not lie otherwise for that.
bool reads_any_layout(const jit::Node* node) {
  if (node->kind() == c10::aten::clone) return makes_contiguous(node);
  return node->kind() == c10::aten::mm || node->kind() == c10::aten::bmm;
}

// Whether the value is an element of a list that is only collected to be stacked, which copies.
bool is_collected(const jit::Use& use) {
  if (use.user->kind() != c10::aten::append || use.offset != 1) return false;
  const jit::Value* list = use.user->input(0);
  return list->node()->kind() == c10::prim::ListConstruct &&
         std::all_of(list->uses().begin(), list->uses().end(), [](const jit::Use& one) {
           return one.user->kind() == c10::aten::append || one.user->kind() == c10::aten::stack;
         });
}

// Whether a value is memory that its node made.
bool is_fresh(const jit::Value* value) {
  const c10::FunctionSchema* schema = value->node()->maybeSchema();
  if (schema == nullptr || value->node()->kind().is_prim()) return false;
  const auto& returns = schema->returns();
  return std::all_of(returns.begin(), returns.end(), [](const auto& one) { return one.alias_info() == nullptr; });
}

class Simplifier {
 public:
  explicit Simplifier(const std::shared_ptr<jit::Graph>& graph) : graph_(*graph), aliases_(graph) {}

  void run() { walk(graph_.block()); }

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
      if (!follow(node) && !take_single(node)) {
        replace_inputs(node);
        if (is_view(*node) && !aliases_.hasWriters(node)) node = as_reshape(graph_, node);
        note_layout(node);
        for (jit::Block* inner : node->blocks()) walk(inner);
      }
    }
    replace_inputs(block->return_node());
    made_.pop_back();
  }

  // A batched product of a batch of one becomes a product. Whether it did.
  bool take_single(jit::Node* node) {
    if (node->kind() != c10::aten::bmm || aliases_.hasWriters(node)) return false;
    const auto sizes = filled_sizes_of(node->output());
    if (!sizes.has_value() || (*sizes)[0] != 1) return false;
    std::vector<jit::Value*> factors;
    for (jit::Value* input : node->inputs()) {
      const auto own = filled_sizes_of(input);
      if (!own.has_value()) return false;
      const Place place = place_of(input);
      factors.push_back(insert({place.root, *place.rearrangement.viewed({(*own)[1], (*own)[2]})}, node));
    }
    jit::Value* product = graph_.create(c10::aten::mm, factors, 1)->insertBefore(node)->output();
    const Sizes flat = {(*sizes)[1], (*sizes)[2]};
    set_contiguous(product, flat, *node->output());
    places_.emplace(node->output(), Place{product, *Rearrangement(flat).viewed(*sizes)});
    return true;
  }

  Place place_of(jit::Value* value) const {
    const auto found = places_.find(value);
    return found == places_.end() ? Place{value, Rearrangement(*filled_sizes_of(value))} : found->second;
  }

  // Whether the node is one that moves elements, so that it is known what its output is.
  bool follow(jit::Node* node) {
    const Move move = move_of(node);
    if (move == Move::kNone || aliases_.hasWriters(node)) return false;
    const Place from = place_of(node->input(0));
    if (move == Move::kCopy && !is_needless(node, from)) return false;
    const auto next = moved(node, move, from.rearrangement);
    if (!next.has_value()) return false;
    places_.emplace(node->output(), Place{from.root, *next});
    return true;
  }

  // Whether all that reads the copy, through whatever moves, can read a view of what it is a copy of instead.
  bool is_needless(const jit::Node* copy, const Place& from) const {
    if (!is_contiguous(from.root)) return false;
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
          const auto next = moved(user, move, rearrangement);
          if (!next.has_value()) return false;
          follow.emplace(user->output(), *next);
          waiting.push_back(user->output());
          continue;
        }
        // A copy may be there so that its memory is nobody else's.
        if (may_alias(use) && !is_collected(use) && !is_carried(use, *copy, from.root)) return false;
        if (!rearrangement.keeps_order() && !(rearrangement.is_view() && reads_any_layout(user))) return false;
      }
    }
    return true;
  }

  // Whether a loop's body returns a copy of what it made itself, and returns it but once.
  bool is_carried(const jit::Use& use, const jit::Node& copy, const jit::Value* root) const {
    if (use.user->kind() != c10::prim::Return || use.user == graph_.return_node()) return false;
    if (root->node()->owningBlock() != copy.owningBlock() || !is_fresh(root)) return false;
    const auto returns = [](const jit::Use& one) { return one.user->kind() == c10::prim::Return; };
    if (std::any_of(root->uses().begin(), root->uses().end(), returns)) return false;
    return carried_.emplace(root, &copy).first->second == &copy;
  }

  // Notes where layouts became better than they were in the trace.
  void note_layout(jit::Node* node) const {
    if (node->kind() == c10::prim::ListUnpack && node->input(0)->node()->kind() == c10::aten::split) {
      const auto strides = strides_of(node->input(0)->node()->input(0));
      if (strides.has_value()) set_strides(node, *strides);
      return;
    }
    if (node->kind() == c10::aten::select) {
      auto strides = strides_of(node->input(0));
      const auto axis = jit::toIValue(node->input(1));
      if (!strides.has_value() || !axis.has_value()) return;
      strides->erase(strides->begin() + axis_at(node->input(1), strides->size()));
      set_strides(node, *strides);
      return;
    }
    if (!keeps_layout(node) || aliases_.hasWriters(node)) return;
    const auto is_fit = [](const jit::Value* input) {
      return !input->type()->isSubtypeOf(*c10::TensorType::get()) || is_ordered(input);
    };
    if (!std::all_of(node->inputs().begin(), node->inputs().end(), is_fit)) return;
    for (jit::Value* output : node->outputs()) {
      if (const auto sizes = filled_sizes_of(output)) set_contiguous(output, *sizes, *output);
    }
  }

  static void set_strides(jit::Node* node, const Sizes& strides) {
    for (jit::Value* output : node->outputs()) {
      const auto sizes = filled_sizes_of(output);
      if (!sizes.has_value() || sizes->size() != strides.size()) continue;
      output->setType(output->type()->expect<c10::TensorType>()->withSizesStrides(*sizes, strides));
    }
  }

  void replace_inputs(jit::Node* node) {
    for (size_t i = 0; i < node->inputs().size(); ++i) {
      const auto found = places_.find(node->input(i));
      if (found == places_.end()) continue;
      // What leaves the graph stays a tensor of its own.
      if (node == graph_.return_node() && found->second.rearrangement.sizes() == *filled_sizes_of(found->second.root) &&
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
    const bool from_contiguous = is_surely_contiguous(place.root);
    jit::Value* value = place.root;
    const auto view = [&](const Sizes& sizes, bool always_exists) {
      if (*filled_sizes_of(value) == sizes) return;
      value = add(always_exists ? c10::aten::view : c10::aten::reshape, value, sizes, sizes);
    };
    if (steps.axes.empty()) {
      view(steps.after, from_contiguous);
    } else {
      view(steps.before, from_contiguous);
      Sizes permuted;
      for (const int64_t axis : steps.axes) permuted.push_back(steps.before[static_cast<size_t>(axis)]);
      value = add(c10::aten::permute, value, steps.axes, permuted);
      view(steps.after, from_contiguous && place.rearrangement.is_view());
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
    if (kind != c10::aten::permute && is_contiguous(from)) {
      set_contiguous(value, sizes, *from);
    } else {
      value->setType(
          from->type()->expect<c10::TensorType>()->withSizes(sizes)->withStrides(c10::VaryingShape<c10::Stride>()));
    }
    made_.back().emplace(key, value);
    return value;
  }

  jit::Graph& graph_;
  const jit::AliasDb aliases_;
  std::unordered_map<const jit::Value*, Place> places_;
  // The values that bodies return, with the copies of them that they returned before.
  mutable std::unordered_map<const jit::Value*, const jit::Node*> carried_;
  // What was inserted in each of the blocks around.
  using Made = std::tuple<c10::Symbol, jit::Value*, Sizes>;
  std::vector<std::map<Made, jit::Value*>> made_;
};

}  // namespace

void simplify_layout(const std::shared_ptr<jit::Graph>& graph) { Simplifier(graph).run(); }

}  // namespace equinode::trace
