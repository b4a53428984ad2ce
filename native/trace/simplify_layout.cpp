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

#include "native/trace/graph_facts.h"
#include "native/trace/rearrangement.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

using Sizes = std::vector<int64_t>;

// The sizes of a tensor that has elements.
std::optional<Sizes> filled_sizes_of(const jit::Value* value) {
  auto sizes = sizes_of(value);
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

std::optional<Sizes> strides_of(const jit::Value* value) {
  const auto type = value->type()->cast<c10::TensorType>();
  return type == nullptr ? std::nullopt : type->strides().concrete_sizes();
}

// Whether elements lie in memory in their order, maybe with gaps between the rows. What the trace saw holds in every
// run, since programs and bodies make their inputs contiguous, and this pass gives no reader a worse layout.
bool is_ordered(const jit::Value* value) {
  const auto strides = strides_of(value);
  const auto sizes = filled_sizes_of(value);
  if (!strides.has_value() || !sizes.has_value()) return false;
  int64_t least = 1;
  for (size_t axis = sizes->size(); axis-- > 0;) {
    if ((*sizes)[axis] == 1) continue;
    if ((*strides)[axis] < least) return false;
    least = (*strides)[axis] * (*sizes)[axis];
  }
  return true;
}

bool is_contiguous(const jit::Value* value) {
  const auto strides = strides_of(value);
  const auto sizes = filled_sizes_of(value);
  if (!strides.has_value() || !sizes.has_value()) return false;
  int64_t expected = 1;
  for (size_t axis = sizes->size(); axis-- > 0;) {
    if ((*sizes)[axis] == 1) continue;
    if ((*strides)[axis] != expected) return false;
    expected *= (*sizes)[axis];
  }
  return true;
}

bool makes_contiguous(const jit::Node* copy) {
  const auto format = jit::toIValue(copy->input(1));
  return format.has_value() && format->isInt() && format->toInt() == static_cast<int64_t>(at::MemoryFormat::Contiguous);
}

// Whether it is so in every run, also where libtorch decides by the strides of axes of size 1, which tell nothing.
bool is_surely_contiguous(const jit::Value* value) {
  const jit::Node* node = value->node();
  if (node->kind() == c10::prim::Param) return node->owningBlock() == node->owningGraph()->block();
  return node->kind() == c10::aten::mm || node->kind() == c10::aten::bmm ||
         (node->kind() == c10::aten::clone && makes_contiguous(node)) ||
         (node->kind() == c10::aten::view && is_surely_contiguous(node->input(0)));
}

void set_contiguous(jit::Value* value, const Sizes& sizes, const jit::Value& like) {
  const auto type = like.type()->expect<c10::TensorType>();
  value->setType(c10::TensorType::createContiguous(*type->scalarType(), *type->device(), sizes));
}

// Operators whose results are contiguous where all that they read is in order.
bool keeps_layout(const jit::Node* node) {
  static const std::unordered_set<std::string> names = {
      "aten::_softmax",
      "aten::_softmax_backward_data",
      "aten::add",
      "aten::addcdiv",
      "aten::addcmul",
      "aten::div",
      "aten::exp",
      "aten::gelu",
      "aten::gelu_backward",
      "aten::lerp",
      "aten::log",
      "aten::mul",
      "aten::neg",
      "aten::pow",
      "aten::relu",
      "aten::sigmoid",
      "aten::silu",
      "aten::sub",
      "aten::sigmoid_backward",
      "aten::sqrt",
      "aten::tanh",
      "aten::where",
      "aten::abs",
      "aten::silu_backward",
      "aten::tanh_backward",
      "aten::threshold_backward",
      "aten::native_layer_norm",
      "aten::native_layer_norm_backward",
  };
  const c10::FunctionSchema* schema = node->maybeSchema();
  return schema != nullptr && names.count(schema->name()) > 0;
}

// Operators that read a tensor as fast however its axes lie in memory, or copy it themselves where they must, with
// results that do not lie otherwise for that.
bool reads_any_layout(const jit::Node* node) {
  if (node->kind() == c10::aten::clone) return makes_contiguous(node);
  return node->kind() == c10::aten::mm || node->kind() == c10::aten::bmm;
}

// Whether memory of what is used may become part of a result: then a copy is there so that it is nobody else's.
bool may_keep(const jit::Use& use) {
  const c10::FunctionSchema* schema = use.user->maybeSchema();
  if (schema == nullptr || use.user->kind().is_prim() || !use.user->blocks().empty()) return true;
  return use.offset >= schema->arguments().size() || schema->arguments()[use.offset].alias_info() != nullptr;
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
        if (is_view(*node) && !aliases_.hasWriters(node)) node = as_reshape(node);
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

  // A view of what may lie otherwise now.
  jit::Node* as_reshape(jit::Node* view) {
    jit::Node* reshape = graph_.create(c10::aten::reshape, view->inputs(), 1);
    reshape->insertBefore(view);
    reshape->output()->setType(view->output()->type());
    view->output()->replaceAllUsesWith(reshape->output());
    view->destroy();
    return reshape;
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
    std::optional<Rearrangement> next;
    if (move == Move::kView) {
      next = from.rearrangement.viewed(*filled_sizes_of(node->output()));
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
          std::optional<Rearrangement> next;
          if (move == Move::kView) {
            next = rearrangement.viewed(*filled_sizes_of(user->output()));
          } else if (const auto axes = axes_of(user, rearrangement.sizes().size())) {
            next = rearrangement.permuted(*axes);
          }
          if (!next.has_value()) return false;
          follow.emplace(user->output(), *next);
          waiting.push_back(user->output());
          continue;
        }
        if (may_keep(use) && !is_collected(use) && !is_carried(use, *copy, from.root)) return false;
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
      if (input->node()->kind() == c10::prim::ListConstruct) {
        const auto elements = input->node()->inputs();
        return std::all_of(elements.begin(), elements.end(), [](const jit::Value* one) { return is_ordered(one); });
      }
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
