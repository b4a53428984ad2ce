#pragma once

#include <cstdint>

namespace equinode::trace {

enum class PointOp : int64_t {
  kAdd,              // a + b
  kSub,              // a - b
  kMul,              // a * b
  kDiv,              // a / b
  kNeg,              // -a
  kAbs,              // |a|
  kSqrt,             // sqrt(a)
  kReciprocal,       // 1 / a
  kRelu,             // a <= 0 ? 0 : a
  kThreshold,        // b <= c ? 0 : a
  kTanh,             // tanh(a)
  kSigmoid,          // 1 / (1 + exp(-a))
  kExp,              // exp(a)
  kMaximum,          // the greater; NaN if one is NaN
  kMinimum,          // the smaller; NaN if one is NaN
  kLerpLow,          // a + c * (b - a), for weights below one half
  kLerpHigh,         // b - (b - a) * (1 - c), for the others
  kSigmoidBackward,  // a * (1 - b) * b
  kTanhBackward,     // a * (1 - b * b)
};

// One instruction over `count` elements. Operands that the instruction does not have are not read.
void run_instruction(PointOp op, int64_t count, float* target, const float* a, const float* b, const float* c);

}  // namespace equinode::trace
