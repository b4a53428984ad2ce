#include "native/control/graph_parts.h"

#include "native/base/error.h"

namespace equinode::control {

namespace jit = torch::jit;

namespace {

// The type of the same tensor in contiguous memory, if its sizes are known.
c10::TypePtr contiguous_type(const c10::TensorType& type) {
  const auto sizes = type.sizes().concrete_sizes();
  return sizes.has_value() ? c10::TypePtr(type.contiguous()) : c10::TypePtr(c10::TensorType::get());
}

}  // namespace

std::vector<jit::Value*> contiguous(jit::Graph& graph, const std::vector<jit::Value*>& values) {
  std::vector<jit::Value*> results;
  for (jit::Value* value : values) {
    const auto type = value->type()->expect<c10::TensorType>();
    const auto target = contiguous_type(*type);
    if (type->sizes().concrete_sizes().has_value() && *type == *target) {
      results.push_back(value);
      continue;
    }
    results.push_back(graph.insert(c10::aten::contiguous, {value})->setType(target));
  }
  return results;
}

jit::Value* truth(jit::Graph& graph, jit::Value* tensor, bool is_scalar) {
  jit::Value* scalar = is_scalar ? tensor : graph.insert(c10::aten::any, {tensor});
  return graph.insert(c10::aten::Bool, {scalar});
}

jit::Value* block_input(jit::Block* block, const jit::Value* like) {
  const auto type = like->type()->expect<c10::TensorType>();
  return block->addInput()->setType(contiguous_type(*type));
}

jit::Value* select(jit::Graph& graph, jit::Value* mask, jit::Value* one, jit::Value* other, int64_t mask_rank) {
  const int64_t rank = static_cast<int64_t>(seen(one).sizes.size());
  jit::Value* wide = mask;
  for (int64_t axis = mask_rank; axis < rank; ++axis) wide = graph.insert(c10::aten::unsqueeze, {wide, -1});
  jit::Value* result = graph.insert(c10::aten::where, {wide, one, other});
  return result->setType(contiguous_type(*one->type()->expect<c10::TensorType>()));
}

Seen seen(const jit::Value* value) {
  const auto type = value->type()->expect<c10::TensorType>();
  const auto sizes = type->sizes().concrete_sizes();
  require(sizes.has_value() && type->scalarType().has_value() && type->device().has_value(), kTransform,
          "expected a value of known shape in a body");
  return {*sizes, *type->scalarType(), *type->device()};
}

}  // namespace equinode::control
