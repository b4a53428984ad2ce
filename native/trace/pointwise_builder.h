#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "native/trace/pointwise.h"

namespace equinode::trace {

// Builds the program of one group of pointwise nodes, node by node, in the order of the graph.
class PointBuilder {
 public:
  explicit PointBuilder(const std::vector<torch::jit::Node*>& members);

  // What the program reads from outside, and which of the nodes' values are read outside.
  const std::vector<torch::jit::Value*>& inputs() const { return inputs_; }
  const std::vector<torch::jit::Value*>& outputs() const { return outputs_; }
  const std::vector<double>& constants() const { return constants_; }

  // Numbers the registers: while building, they carry their kind.
  PointProgram finish() const;

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

  void add(torch::jit::Node* node);
  // Operators that are more than one instruction; false for the others.
  bool add_composite(const std::string& name, torch::jit::Node* node, Place target);
  void add_power(double exponent, Place target, Place a);
  // The hyperbolic tangent within GELU's approximation by it.
  Place gelu_tangent(Place x);

  Place operand(torch::jit::Node* node, int position);
  Place constant(double value);
  Place temporary() { return {Kind::kTemporary, temporaries_++}; }
  void put(PointOp op, Place target, Place a, Place b) { steps_.push_back({op, target, a, b, {}}); }
  void put(PointOp op, Place target, Place a) { put(op, target, a, {}); }
  // The value of an instruction, for those that follow.
  Place then(PointOp op, Place a, Place b);
  Place then(PointOp op, Place a) { return then(op, a, {}); }

  std::vector<torch::jit::Value*> inputs_;
  std::vector<torch::jit::Value*> outputs_;
  std::vector<double> constants_;
  std::vector<Step> steps_;
  std::unordered_map<torch::jit::Value*, Place> places_;
  int64_t temporaries_ = 0;
};

}  // namespace equinode::trace
