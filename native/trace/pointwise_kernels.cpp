#include "native/trace/pointwise_kernels.h"

#include <cmath>
#include <cstring>

namespace equinode::trace {

namespace {

int32_t bits_of(float value) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float float_of(int32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// e^x with an error below 1.5 units in the last place: x = n ln 2 + r with a polynomial in r, whose coefficients are
// those of Cephes' expf. Without branches, so that loops of it become vector instructions.
inline float exponential(float x) {
  // Beyond these the result is 0 or infinite in any case. NaN compares false and stays.
  const float high = x > 89.0F ? 89.0F : x;
  const float in_range = high < -104.0F ? -104.0F : high;
  // Adding and taking away 1.5 * 2^23 rounds to an integer, which then stands in the lowest bits.
  const float shift = 12582912.0F;
  const float shifted = __builtin_fmaf(in_range, 1.44269504088896341F, shift);
  const float n = shifted - shift;
  const float r = __builtin_fmaf(n, 2.12194440e-4F, __builtin_fmaf(n, -0.693359375F, in_range));
  float p = 1.9875691500e-4F;
  p = __builtin_fmaf(p, r, 1.3981999507e-3F);
  p = __builtin_fmaf(p, r, 8.3334519073e-3F);
  p = __builtin_fmaf(p, r, 4.1665795894e-2F);
  p = __builtin_fmaf(p, r, 1.6666665459e-1F);
  p = __builtin_fmaf(p, r, 5.0000001201e-1F);
  p = __builtin_fmaf(p, r * r, r) + 1.0F;
  // 2^n in two factors, since n may be below the smallest exponent.
  const int32_t exponent = bits_of(shifted) - bits_of(shift);
  const int32_t half = exponent >> 1;
  return p * float_of((half + 127) << 23) * float_of((exponent - half + 127) << 23);
}

// Near 0 by the polynomial of Cephes' tanhf, else by the exponential; an error below 2 units in the last place.
inline float hyperbolic_tangent(float x) {
  const float size = std::fabs(x);
  const float square = x * x;
  float p = -5.70498872745e-3F;
  p = __builtin_fmaf(p, square, 2.06390887954e-2F);
  p = __builtin_fmaf(p, square, -5.37397155531e-2F);
  p = __builtin_fmaf(p, square, 1.33314422036e-1F);
  p = __builtin_fmaf(p, square, -3.33332819422e-1F);
  const float near = __builtin_fmaf(p * square, size, size);
  const float far = 1.0F - 2.0F / (exponential(2.0F * size) + 1.0F);
  return std::copysign(size < 0.625F ? near : far, x);
}

inline float maximum(float a, float b) { return a > b || a != a ? a : b; }

inline float minimum(float a, float b) { return a < b || a != a ? a : b; }

}  // namespace

// The target may be an operand, which hinders no vector loop: each element is read before it is written. Compiled once
// for each vector width; the machine's is chosen when it is loaded.
__attribute__((target_clones("avx512f", "fma", "default"))) void run_instruction(PointOp op, int64_t count,
                                                                                 float* target, const float* a,
                                                                                 const float* b, const float* c) {
  switch (op) {
    case PointOp::kAdd:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] + b[i];
      return;
    case PointOp::kSub:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] - b[i];
      return;
    case PointOp::kMul:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] * b[i];
      return;
    case PointOp::kDiv:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] / b[i];
      return;
    case PointOp::kNeg:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = -a[i];
      return;
    case PointOp::kAbs:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = std::fabs(a[i]);
      return;
    case PointOp::kSqrt:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = std::sqrt(a[i]);
      return;
    case PointOp::kReciprocal:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = 1.0F / a[i];
      return;
    case PointOp::kRelu:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] <= 0.0F ? 0.0F : a[i];
      return;
    case PointOp::kThreshold:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = b[i] <= c[i] ? 0.0F : a[i];
      return;
    case PointOp::kTanh:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = hyperbolic_tangent(a[i]);
      return;
    case PointOp::kSigmoid:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = 1.0F / (1.0F + exponential(-a[i]));
      return;
    case PointOp::kExp:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = exponential(a[i]);
      return;
    case PointOp::kMaximum:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = maximum(a[i], b[i]);
      return;
    case PointOp::kMinimum:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = minimum(a[i], b[i]);
      return;
    case PointOp::kLerpLow:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = __builtin_fmaf(c[i], b[i] - a[i], a[i]);
      return;
    case PointOp::kLerpHigh:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = __builtin_fmaf(c[i] - 1.0F, b[i] - a[i], b[i]);
      return;
    case PointOp::kSigmoidBackward:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] * (1.0F - b[i]) * b[i];
      return;
    case PointOp::kTanhBackward:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] * (1.0F - b[i] * b[i]);
      return;
  }
}

}  // namespace equinode::trace
