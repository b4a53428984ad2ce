// Uniform and normal numbers from the words of threefry.
#pragma once

#include <ATen/native/Math.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "native/random/threefry.h"

namespace equinode::random {

template <typename Float, typename Word>
EQUINODE_INLINE Float unit_of_mantissa(Word bits, int shift, Word one) {
  const Word mantissa = static_cast<Word>((bits >> shift) | one);
  Float value;
  std::memcpy(&value, &mantissa, sizeof value);
  return value - Float(1);
}

// A number in [0, 1): the high bits of the words become the mantissa of a number in [1, 2), less 1.
template <typename Float>
EQUINODE_INLINE Float unit(Pair x) {
  const uint32_t low = x.a ^ x.b;
  if constexpr (std::is_same_v<Float, float>) {
    return unit_of_mantissa<float, uint32_t>(low, 9, 0x3F800000U);
  } else if constexpr (std::is_same_v<Float, double>) {
    return unit_of_mantissa<double, uint64_t>((static_cast<uint64_t>(x.a) << 32) | x.b, 12, 0x3FF0000000000000ULL);
  } else if constexpr (std::is_same_v<Float, c10::Half>) {
    const auto mantissa = static_cast<uint16_t>((static_cast<uint16_t>(low) >> 6) | 0x3C00U);
    return static_cast<float>(c10::Half(mantissa, c10::Half::from_bits())) - 1.0F;
  } else {
    static_assert(std::is_same_v<Float, c10::BFloat16>);
    const auto mantissa = static_cast<uint16_t>((static_cast<uint8_t>(low) >> 1) | 0x3F80U);
    return static_cast<float>(c10::BFloat16(mantissa, c10::BFloat16::from_bits())) - 1.0F;
  }
}

// The natural logarithm of a normal number, to two units in the last place, without branches or calls.
EQUINODE_INLINE float log_of_normal(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  // The mantissa in [1/sqrt(2), sqrt(2)), whose logarithm is a short series of the inverse hyperbolic tangent.
  const auto exponent = static_cast<int32_t>(bits - 0x3F3504F3U) >> 23;
  bits -= static_cast<uint32_t>(exponent) << 23;
  float mantissa;
  std::memcpy(&mantissa, &bits, sizeof mantissa);
  const float s = (mantissa - 1.0F) / (mantissa + 1.0F);
  const float t = s * s;
  const float series = 1.0F / 3.0F + t * (1.0F / 5.0F + t * (1.0F / 7.0F + t * (1.0F / 9.0F)));
  return static_cast<float>(exponent) * 0.693147181F + 2.0F * (s + s * t * series);
}

// The inverse error function on (-1, 1): Giles, "Approximating the erfinv function" (GPU Computing Gems 2, 2010), the
// polynomials that XLA uses, so that normal numbers equal JAX's to rounding.
EQUINODE_INLINE float inverse_error(float x) {
  const float w = -log_of_normal((1.0F - x) * (1.0F + x));
  const float near = w - 2.5F;
  float p = 2.81022636e-08F;
  p = 3.43273939e-07F + p * near;
  p = -3.5233877e-06F + p * near;
  p = -4.39150654e-06F + p * near;
  p = 0.00021858087F + p * near;
  p = -0.00125372503F + p * near;
  p = -0.00417768164F + p * near;
  p = 0.246640727F + p * near;
  p = 1.50140941F + p * near;
  const float far = std::sqrt(w) - 3.0F;
  float q = -0.000200214257F;
  q = 0.000100950558F + q * far;
  q = 0.00134934322F + q * far;
  q = -0.00367342844F + q * far;
  q = 0.00573950773F + q * far;
  q = -0.0076224613F + q * far;
  q = 0.00943887047F + q * far;
  q = 1.00167406F + q * far;
  q = 2.83297682F + q * far;
  return (w < 5.0F ? p : q) * x;
}

// The number next to -1 towards 0.
template <typename Float>
constexpr float kAboveMinusOne = -1.0F + std::numeric_limits<Float>::epsilon() / 2;
template <>
constexpr inline float kAboveMinusOne<c10::Half> = -1.0F + 0x1p-11F;
template <>
constexpr inline float kAboveMinusOne<c10::BFloat16> = -1.0F + 0x1p-8F;

// A number of the normal distribution of mean 0 and variance 1: sqrt(2) times the inverse error function of a uniform
// number in (-1, 1). Half precision computes it in float, as XLA does.
template <typename Float>
EQUINODE_INLINE Float normal(Pair x) {
  if constexpr (std::is_same_v<Float, double>) {
    constexpr double kLow = -1.0 + std::numeric_limits<double>::epsilon() / 2;
    const double u = std::fmax(kLow, std::fma(unit<double>(x), 1.0 - kLow, kLow));
    return 1.4142135623730951 * calc_erfinv(u);
  } else if constexpr (std::is_same_v<Float, float>) {
    // The span rounds to 2; doubling is exact, so that one rounding is left as in XLA's fused operation.
    const float u = 2.0F * unit<float>(x) + kAboveMinusOne<float>;
    return 1.41421354F * inverse_error(u < kAboveMinusOne<float> ? kAboveMinusOne<float> : u);
  } else {
    const Float low = kAboveMinusOne<Float>;
    const Float u = 2.0F * static_cast<float>(unit<Float>(x)) + static_cast<float>(low);
    const Float inner = inverse_error(static_cast<float>(u < low ? low : u));
    return static_cast<float>(inner) * 1.4140625F;
  }
}

}  // namespace equinode::random
