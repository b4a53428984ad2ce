#include "native/trace/loop_products.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/ir/alias_analysis.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "native/trace/graph_facts.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

using Sizes = std::vector<int64_t>;

// Elements that may be kept for all steps of a loop: 32 MiB of float32.
constexpr int64_t kMost = int64_t{1} << 23;

std::optional<int64_t> int_of(const jit::Value* value) {
  const auto constant = jit::toIValue(value);
  return constant.has_value() && constant->isInt() ? std::optional<int64_t>(constant->toInt()) : std::nullopt;
}

bool is_of(const jit::Value* value, std::optional<at::ScalarType> dtype) {
  const auto type = value->type()->cast<c10::TensorType>();
  return type != nullptr && type->scalarType() == dtype;
}

bool is_true(const jit::Value* value) {
  const auto constant = jit::toIValue(value);
  return constant.has_value() && constant->isBool() && constant->toBool();
}

bool is_reshaping(const jit::Node* node) {
  return (node->kind() == c10::aten::view || node->kind() == c10::aten::reshape) && node->inputs().size() == 2;
}

bool is_zero(const jit::Value* value) {
  const auto kind = value->node()->kind();
  if (kind == c10::aten::zeros || kind == c10::aten::zeros_like) return true;
  const auto constant = jit::toIValue(value);
  return constant.has_value() && constant->isTensor() && !constant->toTensor().any().item<bool>();
}

// A loop with a known number of steps that runs them all.
class Loop {
 public:
  Loop(jit::Graph& graph, jit::Node* node, const jit::AliasDb& aliases)
      : graph_(graph), node_(node), body_(node->blocks()[0]), steps_(*int_of(node->input(0))), aliases_(aliases) {}

  static bool is(const jit::Node* node) {
    return node->kind() == c10::prim::Loop && int_of(node->input(0)).value_or(0) > 1 && is_true(node->input(1)) &&
           is_true(node->blocks()[0]->return_node()->input(0));
  }

  void take_out() {
    std::vector<jit::Node*> products;
    for (jit::Node* node : body_->nodes()) {
      if (node->kind() == c10::aten::mm) products.push_back(node);
    }
    for (jit::Node* product : products) take_product(product);
    for (size_t carry = node_->outputs().size(); carry-- > 0;) take_sum(carry);
  }

 private:
  // What a value of a step is part of: a tensor with the steps as its first axis, in their order or against it.
  struct Slice {
    jit::Value* whole;
    bool backwards;
  };

  std::optional<bool> is_backwards(const jit::Value* index) const {
    if (index == body_->inputs()[0]) return false;
    const jit::Node* node = index->node();
    if (node->kind() != c10::aten::sub || node->inputs().size() != 2) return std::nullopt;
    if (node->input(1) != body_->inputs()[0] || int_of(node->input(0)) != steps_ - 1) return std::nullopt;
    return true;
  }

  std::optional<Slice> slice_of(jit::Value* value) const {
    jit::Node* node = value->node();
    if (node->kind() != c10::aten::select || node->inputs().size() != 3) return std::nullopt;
    const auto backwards = is_backwards(node->input(2));
    const auto sizes = sizes_of(node->input(0));
    if (!backwards.has_value() || !sizes.has_value() || int_of(node->input(1)) != 0) return std::nullopt;
    if (is_inside(node->input(0), body_) || sizes->front() != steps_) return std::nullopt;
    return Slice{node->input(0), *backwards};
  }

  jit::Value* insert(c10::Symbol kind, at::ArrayRef<jit::NamedValue> arguments, const jit::Value* like,
                     const Sizes& sizes) {
    const auto type = like->type()->expect<c10::TensorType>();
    return graph_.insert(kind, arguments)
        ->setType(c10::TensorType::createContiguous(*type->scalarType(), *type->device(), sizes));
  }

  // A tensor of three axes as one of two, the first two joined.
  jit::Value* joined(jit::Value* value) {
    const Sizes sizes = *sizes_of(value);
    const Sizes flat = {sizes[0] * sizes[1], sizes[2]};
    return insert(c10::aten::reshape, {value, flat}, value, flat);
  }

  jit::Value* transposed(jit::Value* value) {
    const Sizes sizes = *sizes_of(value);
    const auto type = value->type()->expect<c10::TensorType>()->withSizes({sizes[1], sizes[0]});
    return graph_.insert(c10::aten::permute, {value, Sizes{1, 0}})->setType(type);
  }

  // The product of a slice with what stays.
  void take_product(jit::Node* product) {
    const auto slice = slice_of(product->input(0));
    jit::Value* fixed = product->input(1);
    const auto sizes = sizes_of(product->output());
    if (!slice.has_value() || is_inside(fixed, body_) || !sizes.has_value()) return;
    const Sizes all = {steps_, (*sizes)[0], (*sizes)[1]};
    if (c10::multiply_integers(all) > kMost || aliases_.hasWriters(product)) return;
    jit::Value* index = product->input(0)->node()->input(2);
    jit::Value* result = nullptr;
    {
      const jit::WithInsertPoint before(node_);
      jit::Value* flat = joined(slice->whole);
      jit::Value* large = insert(c10::aten::mm, {flat, fixed}, flat, {all[0] * all[1], all[2]});
      result = insert(c10::aten::view, {large, all}, flat, all);
    }
    const jit::WithInsertPoint here(product);
    jit::Value* part = insert(c10::aten::select, {result, 0, index}, result, *sizes);
    product->output()->replaceAllUsesWith(part);
    product->destroy();
  }

  // What a carry adds up: of the steps' values the product of two, the first transposed, or the sum of one.
  struct Term {
    jit::Node* node;
    std::vector<jit::Value*> factors;
  };

  std::optional<Term> term_of(jit::Value* value) const {
    if (value->uses().size() != 1 || !is_inside(value, body_)) return std::nullopt;
    jit::Node* node = value->node();
    if (is_reshaping(node)) return term_of(node->input(0));
    if (node->kind() == c10::aten::mm && transposes(node->input(0)->node())) {
      return Term{node, {node->input(0)->node()->input(0), node->input(1)}};
    }
    const bool adds = node->kind() == c10::aten::sum && node->inputs().size() == 4 &&
                      node->input(3)->type()->kind() == c10::TypeKind::NoneType &&
                      jit::toIValue(node->input(1)).has_value() && jit::toIValue(node->input(1))->isIntList();
    return adds ? std::optional<Term>(Term{node, {node->input(0)}}) : std::nullopt;
  }

  void take_sum(size_t carry) {
    jit::Value* before = body_->inputs()[1 + carry];
    jit::Value* after = body_->outputs()[1 + carry];
    jit::Node* add = after->node();
    if (add->kind() != c10::aten::add || add->owningBlock() != body_ || add->inputs().size() != 3) return;
    if (before->uses().size() != 1 || before->uses()[0].user != add || after->uses().size() != 1) return;
    if (int_of(add->input(2)) != 1 || aliases_.hasWriters(add)) return;
    const auto sizes = sizes_of(after);
    jit::Value* added = add->input(add->input(0) == before ? 1 : 0);
    const auto term = term_of(added);
    if (!term.has_value() || !sizes.has_value() || sizes_of(added) != sizes) return;
    // Otherwise the terms would be added up in another precision.
    const auto dtype = after->type()->expect<c10::TensorType>()->scalarType();
    if (!is_of(added, dtype)) return;
    std::optional<bool> backwards;
    for (jit::Value* factor : term->factors) {
      const auto own = sizes_of(factor);
      if (!own.has_value() || c10::multiply_integers(*own) * steps_ > kMost) return;
      if (aliases_.hasWriters(factor) || !is_of(factor, dtype)) return;
      const auto slice = slice_of(factor);
      if (!slice.has_value()) {
        if (!is_inside(factor, body_) || factor->node()->owningBlock() != body_) return;
        continue;
      }
      if (backwards.has_value() && *backwards != slice->backwards) return;
      backwards = slice->backwards;
    }
    // Without slices the order of the steps does not matter; what was collected before is as good.
    const bool is_made = wholes_.count({term->factors[0], true}) > 0;
    std::vector<jit::Value*> wholes;
    for (jit::Value* factor : term->factors) wholes.push_back(whole_of(factor, backwards.value_or(is_made)));

    const jit::WithInsertPoint behind(last_);
    jit::Value* total = nullptr;
    if (wholes.size() == 2) {
      jit::Value* first = joined(wholes[0]);
      jit::Value* second = joined(wholes[1]);
      total =
          insert(c10::aten::mm, {transposed(first), second}, first, {sizes_of(first)->at(1), sizes_of(second)->at(1)});
    } else {
      total = sum_of(wholes[0], jit::toIValue(term->node->input(1))->toIntVector());
    }
    if (*sizes_of(total) != *sizes) total = insert(c10::aten::reshape, {total, *sizes}, total, *sizes);
    jit::Value* start = node_->input(2 + carry);
    if (!is_zero(start)) total = insert(c10::aten::add, {start, total}, total, *sizes);
    node_->output(carry)->replaceAllUsesWith(total);

    body_->eraseOutput(1 + carry);
    add->destroy();
    body_->eraseInput(1 + carry);
    node_->eraseOutput(carry);
    node_->removeInput(2 + carry);
  }

  jit::Value* sum_of(jit::Value* whole, Sizes axes) {
    Sizes left = *sizes_of(whole);
    const auto rank = static_cast<int64_t>(left.size()) - 1;
    for (int64_t& axis : axes) axis = (axis < 0 ? axis + rank : axis) + 1;
    // No axis means all.
    if (axes.empty()) {
      for (int64_t axis = 1; axis <= rank; ++axis) axes.push_back(axis);
    }
    axes.push_back(0);
    std::sort(axes.begin(), axes.end());
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) left.erase(left.begin() + *axis);
    return insert(c10::aten::sum, {whole, axes, false}, whole, left);
  }

  // The values of all steps as one tensor, made behind the loop unless it was there before.
  jit::Value* whole_of(jit::Value* value, bool backwards) {
    if (const auto slice = slice_of(value)) return slice->whole;
    jit::Value*& made = wholes_[{value, backwards}];
    if (made != nullptr) return made;
    jit::Value* list = nullptr;
    {
      const jit::WithInsertPoint before(node_);
      list = graph_.insertNode(graph_.createList(c10::TensorType::get(), {}))->output();
    }
    {
      const jit::WithInsertPoint end(body_->return_node());
      graph_.insert(c10::aten::append, {list, value});
    }
    const jit::WithInsertPoint behind(last_);
    if (backwards) graph_.insertNode(graph_.create(c10::Symbol::fromQualString("aten::reverse"), {list}, 0));
    Sizes sizes = *sizes_of(value);
    sizes.insert(sizes.begin(), steps_);
    made = insert(c10::aten::stack, {list, 0}, value, sizes);
    return made;
  }

  jit::Graph& graph_;
  jit::Node* node_;
  jit::Block* body_;
  int64_t steps_;
  const jit::AliasDb& aliases_;
  // What follows the loop.
  jit::Node* last_ = node_->next();
  std::map<std::pair<jit::Value*, bool>, jit::Value*> wholes_;
};

void visit(jit::Graph& graph, jit::Block* block, const jit::AliasDb& aliases) {
  const std::vector<jit::Node*> nodes(block->nodes().begin(), block->nodes().end());
  for (jit::Node* node : nodes) {
    for (jit::Block* inner : node->blocks()) visit(graph, inner, aliases);
    if (Loop::is(node)) Loop(graph, node, aliases).take_out();
  }
}

bool has_blocks(const jit::Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                     [](const jit::Node* node) { return !node->blocks().empty(); });
}

}  // namespace

void take_products_out(const std::shared_ptr<jit::Graph>& graph) {
  if (!has_blocks(*graph)) return;
  const jit::AliasDb aliases(graph);
  visit(*graph, graph->block(), aliases);
}

}  // namespace equinode::trace
