#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "native/trace/pointwise_kernels.h"

namespace equinode::trace {

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

// The rule of an operator that can be fused.
const Rule* rule_of(const std::string& schema_name);

// `aten::add.Tensor`; empty for what has no schema.
std::string schema_name(const torch::jit::Node* node);

// The sizes of a float32 tensor on the CPU.
std::optional<Shape> float_shape(const torch::jit::Value* value);

// A number that is known now: a scalar argument, or a tensor that stands for a JavaScript number.
std::optional<double> constant_of(const torch::jit::Value* value);

// The shape in which a node can be fused.
std::optional<Shape> fusible_shape(const torch::jit::Node* node);

}  // namespace equinode::trace
