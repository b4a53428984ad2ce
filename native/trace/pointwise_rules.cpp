#include "native/trace/pointwise_rules.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <map>

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

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
      {"aten::tanh", {PointOp::kTanh, 0, -1, -1, -1}},
      {"aten::sigmoid", {PointOp::kSigmoid, 0, -1, -1, -1}},
      {"aten::exp", {PointOp::kExp, 0, -1, -1, -1}},
      {"aten::maximum", {PointOp::kMaximum, 0, 1, -1, -1}},
      {"aten::minimum", {PointOp::kMinimum, 0, 1, -1, -1}},
      {"aten::clamp_min", {PointOp::kMaximum, 0, 1, -1, -1}},
      {"aten::clamp_max", {PointOp::kMinimum, 0, 1, -1, -1}},
      // These become several instructions; the operands are those that must be tensors.
      {"aten::pow.Tensor_Scalar", {PointOp::kMul, 0, -1, -1, -1}},
      {"aten::rsqrt", {PointOp::kReciprocal, 0, -1, -1, -1}},
      {"aten::silu", {PointOp::kMul, 0, -1, -1, -1}},
      {"aten::silu_backward", {PointOp::kMul, 0, 1, -1, -1}},
      {"aten::gelu", {PointOp::kMul, 0, -1, -1, -1}},
      {"aten::gelu_backward", {PointOp::kMul, 0, 1, -1, -1}},
  };
  return table;
}

// Whether the value can be broadcast to the shape.
bool is_operand(const jit::Value* value, const Shape& shape) {
  if (constant_of(value).has_value()) return true;
  const auto own = float_shape(value);
  if (!own.has_value() || own->size() > shape.size()) return false;
  const size_t missing = shape.size() - own->size();
  for (size_t i = 0; i < own->size(); ++i) {
    if ((*own)[i] != 1 && (*own)[i] != shape[missing + i]) return false;
  }
  return true;
}

// Broadcasts a shape of full rank with another one.
void widen(Shape& shape, const Shape& other) {
  const size_t missing = shape.size() - other.size();
  for (size_t i = 0; i < other.size(); ++i) shape[missing + i] = std::max(shape[missing + i], other[i]);
}

// The exponents for which a power is some multiplications or roots, as libtorch takes it too.
bool is_simple_exponent(double exponent) {
  return exponent == 0.5 || exponent == 1 || exponent == 2 || exponent == 3 || exponent == -1;
}

bool has_simple_arguments(const std::string& name, const jit::Node* node) {
  if (name == "aten::pow.Tensor_Scalar") {
    const auto exponent = constant_of(node->input(1));
    return exponent.has_value() && is_simple_exponent(*exponent);
  }
  if (name == "aten::lerp.Scalar") return constant_of(node->input(2)).has_value();
  if (name == "aten::gelu" || name == "aten::gelu_backward") {
    const auto approximation = jit::toIValue(node->inputs().back());
    return approximation.has_value() && approximation->isString() && approximation->toStringRef() == "tanh";
  }
  return true;
}

}  // namespace

const Rule* rule_of(const std::string& schema_name) {
  const auto found = rules().find(schema_name);
  return found == rules().end() ? nullptr : &found->second;
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
  // Repeated by an expansion it is the same number.
  while (value->node()->kind() == c10::aten::expand || value->node()->kind() == c10::aten::view ||
         value->node()->kind() == c10::aten::reshape) {
    value = value->node()->input(0);
  }
  const auto known = jit::toIValue(value);
  if (!known.has_value()) return std::nullopt;
  if (known->isInt()) return static_cast<double>(known->toInt());
  if (known->isDouble()) return known->toDouble();
  if (!known->isTensor()) return std::nullopt;
  const at::Tensor& tensor = known->toTensor();
  if (!tensor.defined() || tensor.numel() != 1 || !tensor.is_cpu() || tensor.is_complex()) return std::nullopt;
  return tensor.item<double>();
}

std::optional<Shape> fusible_shape(const jit::Node* node) {
  const std::string name = schema_name(node);
  const Rule* rule = rule_of(name);
  if (rule == nullptr || node->outputs().size() != 1) return std::nullopt;
  const auto shape = float_shape(node->output());
  if (!shape.has_value() || shape->empty() || c10::multiply_integers(*shape) == 0) return std::nullopt;
  // What is read must have the shape together, since numbers that are known have none.
  Shape read(shape->size(), 1);
  size_t rank = 0;
  for (const int position : {rule->a, rule->b, rule->c}) {
    if (position < 0) continue;
    const jit::Value* operand = node->input(position);
    if (!is_operand(operand, *shape)) return std::nullopt;
    if (constant_of(operand).has_value()) continue;
    rank = std::max(rank, float_shape(operand)->size());
    widen(read, *float_shape(operand));
  }
  if (rank != shape->size() || read != *shape) return std::nullopt;
  if (rule->scale >= 0 && !constant_of(node->input(rule->scale)).has_value()) return std::nullopt;
  return has_simple_arguments(name, node) ? shape : std::nullopt;
}

}  // namespace equinode::trace
