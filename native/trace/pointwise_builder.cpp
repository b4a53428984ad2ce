#include "native/trace/pointwise_builder.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "native/trace/pointwise_rules.h"

namespace equinode::trace {

namespace jit = torch::jit;

PointBuilder::PointBuilder(const std::vector<jit::Node*>& members) {
  const std::set<const jit::Node*> inside(members.begin(), members.end());
  for (jit::Node* node : members) {
    const auto& uses = node->output()->uses();
    const bool escapes =
        std::any_of(uses.begin(), uses.end(), [&](const jit::Use& use) { return inside.count(use.user) == 0; });
    if (escapes) outputs_.push_back(node->output());
  }
  for (jit::Node* node : members) add(node);
}

PointProgram PointBuilder::finish() const {
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

// 0 equals -0, but is another constant.
PointBuilder::Place PointBuilder::constant(double value) {
  const auto same = [value](double known) { return known == value && std::signbit(known) == std::signbit(value); };
  const auto found = std::find_if(constants_.begin(), constants_.end(), same);
  if (found != constants_.end()) return {Kind::kConstant, found - constants_.begin()};
  constants_.push_back(value);
  return {Kind::kConstant, static_cast<int64_t>(constants_.size()) - 1};
}

PointBuilder::Place PointBuilder::operand(jit::Node* node, int position) {
  if (position < 0) return {};
  jit::Value* value = node->input(static_cast<size_t>(position));
  const auto made = places_.find(value);
  if (made != places_.end()) return made->second;
  if (const auto known = constant_of(value)) return constant(*known);
  const auto found = std::find(inputs_.begin(), inputs_.end(), value);
  const int64_t index = found - inputs_.begin();
  if (found == inputs_.end()) inputs_.push_back(value);
  return {Kind::kInput, index};
}

PointBuilder::Place PointBuilder::then(PointOp op, Place a, Place b) {
  const Place target = temporary();
  put(op, target, a, b);
  return target;
}

void PointBuilder::add(jit::Node* node) {
  const std::string name = schema_name(node);
  const Rule& rule = *rule_of(name);
  const auto output = std::find(outputs_.begin(), outputs_.end(), node->output());
  const Place target = output == outputs_.end() ? temporary() : Place{Kind::kOutput, output - outputs_.begin()};
  if (!add_composite(name, node, target)) {
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
  }
  places_[node->output()] = target;
}

void PointBuilder::add_power(double exponent, Place target, Place a) {
  if (exponent == 0.5) {
    put(PointOp::kSqrt, target, a);
  } else if (exponent == 1) {
    put(PointOp::kMul, target, a, constant(1));
  } else if (exponent == 2) {
    put(PointOp::kMul, target, a, a);
  } else if (exponent == 3) {
    put(PointOp::kMul, target, then(PointOp::kMul, a, a), a);
  } else {
    put(PointOp::kReciprocal, target, a);
  }
}

PointBuilder::Place PointBuilder::gelu_tangent(Place x) {
  const Place cube = then(PointOp::kMul, then(PointOp::kMul, x, x), x);
  const Place sum = then(PointOp::kAdd, x, then(PointOp::kMul, constant(0.044715), cube));
  return then(PointOp::kTanh, then(PointOp::kMul, constant(std::sqrt(2 / M_PI)), sum));
}

bool PointBuilder::add_composite(const std::string& name, jit::Node* node, Place target) {
  const auto mul = [&](Place a, Place b) { return then(PointOp::kMul, a, b); };
  const auto one_plus = [&](Place a) { return then(PointOp::kAdd, constant(1), a); };
  const auto one_minus = [&](Place a) { return then(PointOp::kSub, constant(1), a); };
  if (name == "aten::pow.Tensor_Scalar") {
    add_power(*constant_of(node->input(1)), target, operand(node, 0));
  } else if (name == "aten::rsqrt") {
    put(PointOp::kReciprocal, target, then(PointOp::kSqrt, operand(node, 0)));
  } else if (name == "aten::silu") {
    const Place x = operand(node, 0);
    put(PointOp::kDiv, target, x, one_plus(then(PointOp::kExp, then(PointOp::kNeg, x))));
  } else if (name == "aten::silu_backward") {
    const Place given = operand(node, 0);
    const Place x = operand(node, 1);
    const Place sigmoid = then(PointOp::kSigmoid, x);
    put(PointOp::kMul, target, mul(given, sigmoid), one_plus(mul(x, one_minus(sigmoid))));
  } else if (name == "aten::gelu") {
    const Place x = operand(node, 0);
    put(PointOp::kMul, target, mul(constant(0.5), x), one_plus(gelu_tangent(x)));
  } else if (name == "aten::gelu_backward") {
    const Place given = operand(node, 0);
    const Place x = operand(node, 1);
    const Place tangent = gelu_tangent(x);
    const Place half = mul(constant(0.5), one_plus(tangent));
    const Place slope = mul(constant(std::sqrt(2 / M_PI)), one_plus(mul(constant(3 * 0.044715), mul(x, x))));
    const Place rest = mul(mul(mul(constant(0.5), x), one_minus(mul(tangent, tangent))), slope);
    put(PointOp::kMul, target, given, then(PointOp::kAdd, half, rest));
  } else {
    return false;
  }
  return true;
}

}  // namespace equinode::trace
