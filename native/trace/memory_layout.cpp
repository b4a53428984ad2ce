#include "native/trace/memory_layout.h"

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/ir/constants.h>

#include <string>
#include <unordered_set>

#include "native/trace/graph_facts.h"

namespace equinode::trace {

namespace jit = torch::jit;

std::optional<Sizes> filled_sizes_of(const jit::Value* value) {
  auto sizes = sizes_of(value);
  if (!sizes.has_value() || c10::multiply_integers(*sizes) == 0) return std::nullopt;
  return sizes;
}

std::optional<Sizes> strides_of(const jit::Value* value) {
  const auto type = value->type()->cast<c10::TensorType>();
  return type == nullptr ? std::nullopt : type->strides().concrete_sizes();
}

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

}  // namespace equinode::trace
