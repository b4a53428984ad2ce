// Poisson and binomial numbers with the keys of jax.random: all elements share one key, which splits anew for every
// try, and each draws at its index.
#include <ATen/ATen.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "native/random/batching.h"
#include "native/random/keys.h"
#include "native/random/unit.h"

namespace equinode::random {

namespace {

// More tries than any parameter needs in practice; JAX gives up at the largest number of the dtype.
constexpr int64_t kMaxTries = 1 << 20;

// Knuth's algorithm: how many uniform numbers multiply to less than exp(-rate).
double draw_poisson_by_products(Pair key, int64_t index, float rate) {
  float log_product = 0;
  int64_t count = 0;
  while (log_product > -rate) {
    log_product += std::log(unit<float>(subkey(subkey(key, 1), index)));
    key = subkey(key, 0);
    ++count;
  }
  return static_cast<double>(count - 1);
}

// One try of rejection: the number drawn, and whether it counts.
struct Try {
  double number;
  bool is_accepted;
};

// NOTE [joint rejection]: JAX tries for all elements of a key until each has been accepted once, and every element
// keeps the last number that was accepted. So one element's number depends on how long the others take, also on those
// that are drawn in another way: in their place JAX tries with parameters of its own, and so does `attempt`.
//
// `attempt(key of the try, index, flat index)` makes a Try; `keep(flat index, number)` is called in order.
template <typename Attempt, typename Keep>
void reject_jointly(const at::Tensor& key, const at::Tensor& parameter, const Attempt& attempt, const Keep& keep) {
  constexpr int64_t kGrain = 1 << 10;
  const at::Tensor keys = key.to(at::kCPU).contiguous();
  const auto* words = keys.const_data_ptr<uint32_t>();
  const int64_t batch = keys.numel() / 2;
  const int64_t count = batch == 0 ? 0 : parameter.numel() / batch;
  std::vector<uint8_t> accepted(count);
  for (int64_t k = 0; k < batch; ++k) {
    Pair current{words[2 * k], words[2 * k + 1]};
    std::fill(accepted.begin(), accepted.end(), uint8_t{0});
    for (int64_t i = 0; i < kMaxTries; ++i) {
      if (std::find(accepted.begin(), accepted.end(), uint8_t{0}) == accepted.end()) break;
      at::parallel_for(0, count, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t index = begin; index < end; ++index) {
          const Try one = attempt(current, index, k * count + index);
          if (!one.is_accepted) continue;
          accepted[index] = 1;
          keep(k * count + index, one.number);
        }
      });
      current = subkey(current, 0);
    }
  }
}

// Hormann, "The transformed rejection method for generating Poisson random variables" (1993).
Try try_poisson(Pair key, int64_t index, float rate) {
  const float b = 0.931F + 2.53F * std::sqrt(rate);
  const float a = -0.059F + 0.02483F * b;
  const float inverse_alpha = 1.1239F + 1.1328F / (b - 3.4F);
  const float v_r = 0.9277F - 3.6224F / (b - 2.0F);
  const float u = unit<float>(subkey(subkey(key, 1), index)) - 0.5F;
  const float v = unit<float>(subkey(subkey(key, 2), index));
  const float shifted = 0.5F - std::fabs(u);
  const float k = std::floor((2.0F * a / shifted + b) * u + rate + 0.43F);
  if (shifted >= 0.07F && v <= v_r) return {k, true};
  if (k < 0.0F || (shifted < 0.013F && v > shifted)) return {k, false};
  const float s = std::log(v * inverse_alpha / (a / (shifted * shifted) + b));
  const float t = -rate + k * std::log(rate) - std::lgamma(k + 1.0F);
  return {k, s <= t};
}

at::Tensor threefry_poisson(const at::Tensor& key, const at::Tensor& rate) {
  check_key(key, "poisson");
  const at::Tensor rates = rate.to(at::kCPU, at::kFloat).contiguous();
  at::Tensor result = at::empty(rates.sizes(), at::kDouble);
  const auto* in = rates.const_data_ptr<float>();
  auto* out = result.mutable_data_ptr<double>();
  bool has_large = false;
  for (int64_t i = 0; i < rates.numel(); ++i) has_large |= in[i] >= 10.0F;
  for_each_element(key, rates, [=](Pair pair, int64_t index, int64_t flat) {
    const float mean = in[flat];
    if (mean >= 10.0F) {
      out[flat] = -1;
    } else {
      out[flat] = mean == 0.0F ? 0.0 : draw_poisson_by_products(pair, index, mean);
    }
  });
  if (has_large) {
    const auto is_large = [in](int64_t flat) { return in[flat] >= 10.0F; };
    reject_jointly(
        key, rates,
        [=](Pair pair, int64_t index, int64_t flat) {
          return try_poisson(pair, index, is_large(flat) ? in[flat] : 1e5F);
        },
        [=](int64_t flat, double number) {
          if (is_large(flat)) out[flat] = number;
        });
  }
  return result.to(key.device());
}

// How many geometric numbers add up to at most `count`.
template <typename Float>
Float draw_binomial_by_sums(Pair key, int64_t index, Float count, Float p) {
  const Float log_complement = std::log1p(-p);
  Float sum = 0;
  Float number = 0;
  while (sum <= count) {
    sum += std::ceil(std::log(unit<Float>(subkey(subkey(key, 0), index))) / log_complement);
    key = subkey(key, 1);
    number += 1;
  }
  return number - 1;
}

// The error of Stirling's approximation of the logarithm of k!.
template <typename Float>
Float stirling_tail(Float k) {
  constexpr double kExact[] = {0.0810614667953272,  0.0413406959554092, 0.0276779256849983, 0.02079067210376509,
                               0.0166446911898211,  0.0138761288230707, 0.0118967099458917, 0.0104112652619720,
                               0.00925546218271273, 0.00833056343336287};
  if (k <= 9) return static_cast<Float>(kExact[static_cast<int>(std::fmax(k, Float(0)))]);
  const Float square = (k + 1) * (k + 1);
  return (Float(1.0 / 12) - (Float(1.0 / 360) - Float(1.0 / 1260) / square) / square) / (k + 1);
}

// Hormann, "The generation of binomial random variates" (1993), algorithm BTRS.
template <typename Float>
Try try_binomial(Pair key, int64_t index, Float count, Float p) {
  const Float deviation = std::sqrt(count * p * (1 - p));
  const Float b = Float(1.15) + Float(2.53) * deviation;
  const Float a = Float(-0.0873) + Float(0.0248) * b + Float(0.01) * p;
  const Float c = count * p + Float(0.5);
  const Float v_r = Float(0.92) - Float(4.2) / b;
  const Float r = p / (1 - p);
  const Float alpha = (Float(2.83) + Float(5.1) / b) * deviation;
  const Float m = std::floor((count + 1) * p);
  const Float u = unit<Float>(subkey(subkey(key, 1), index)) - Float(0.5);
  const Float v = unit<Float>(subkey(subkey(key, 2), index));
  const Float shifted = Float(0.5) - std::fabs(u);
  const Float k = std::floor((2 * a / shifted + b) * u + c);
  if (shifted >= Float(0.07) && v <= v_r) return {static_cast<double>(k), true};
  if (k < 0 || k > count) return {static_cast<double>(k), false};
  const Float bound = (m + Float(0.5)) * std::log((m + 1) / (r * (count - m + 1))) +
                      (count + 1) * std::log((count - m + 1) / (count - k + 1)) +
                      (k + Float(0.5)) * std::log(r * (count - k + 1) / (k + 1)) + stirling_tail(m) +
                      stirling_tail(count - m) - stirling_tail(k) - stirling_tail(count - k);
  return {static_cast<double>(k), std::log(v * alpha / (a / (shifted * shifted) + b)) <= bound};
}

// The trials, and the smaller of the probabilities of success and of failure, by which a number is drawn.
template <typename Float>
struct Trials {
  Trials(Float count, Float p)
      : whole(std::floor(count)),
        is_less(p < Float(0.5)),
        q(is_less ? p : 1 - p),
        is_invalid(std::isnan(count) || count < 0 || std::isnan(p) || q < 0),
        is_large(!is_invalid && count * q > Float(10)) {}

  Float number(Float drawn) const { return is_less ? drawn : whole - drawn; }

  Float whole;
  bool is_less;
  Float q;
  bool is_invalid;
  bool is_large;
};

template <typename Float>
void draw_binomials(const at::Tensor& key, const at::Tensor& counts, const Float* count, const Float* p, Float* out) {
  bool has_large = false;
  for (int64_t i = 0; i < counts.numel(); ++i) has_large |= Trials<Float>(count[i], p[i]).is_large;
  for_each_element(key, counts, [=](Pair pair, int64_t index, int64_t flat) {
    const Trials<Float> trials(count[flat], p[flat]);
    if (trials.is_invalid) {
      out[flat] = std::numeric_limits<Float>::quiet_NaN();
    } else if (std::isinf(count[flat])) {
      out[flat] = count[flat];
    } else if (!trials.is_large) {
      out[flat] = trials.number(draw_binomial_by_sums(pair, index, trials.whole, trials.q));
    }
  });
  if (!has_large) return;
  reject_jointly(
      key, counts,
      [=](Pair pair, int64_t index, int64_t flat) {
        const Trials<Float> trials(count[flat], p[flat]);
        return trials.is_large ? try_binomial(pair, index, trials.whole, trials.q)
                               : try_binomial(pair, index, Float(1e4), Float(0.5));
      },
      [=](int64_t flat, double number) {
        const Trials<Float> trials(count[flat], p[flat]);
        if (trials.is_large && !std::isinf(count[flat])) out[flat] = trials.number(static_cast<Float>(number));
      });
}

at::Tensor threefry_binomial(const at::Tensor& key, const at::Tensor& count, const at::Tensor& p) {
  check_key(key, "binomial");
  const at::Tensor counts = count.to(at::kCPU).contiguous();
  const at::Tensor ps = p.to(at::kCPU, counts.scalar_type()).contiguous();
  at::Tensor result = at::empty(counts.sizes(), counts.options());
  AT_DISPATCH_FLOATING_TYPES(counts.scalar_type(), "binomial", [&] {
    const auto* in = counts.const_data_ptr<scalar_t>();
    const auto* chance = ps.const_data_ptr<scalar_t>();
    auto* out = result.mutable_data_ptr<scalar_t>();
    draw_binomials<scalar_t>(key, counts, in, chance, out);
  });
  return result.to(key.device());
}

at::Tensor batched_poisson(const at::Tensor& key, const at::Tensor& rate) {
  static const auto op = operator_named<at::Tensor(const at::Tensor&, const at::Tensor&)>("equinode::threefry_poisson");
  return batched(key, {rate}, [&](const at::Tensor& keys, const auto& values) { return op.call(keys, values[0]); });
}

at::Tensor batched_binomial(const at::Tensor& key, const at::Tensor& count, const at::Tensor& p) {
  static const auto op = operator_named<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&)>(
      "equinode::threefry_binomial");
  return batched(key, {count, p},
                 [&](const at::Tensor& keys, const auto& values) { return op.call(keys, values[0], values[1]); });
}

TORCH_LIBRARY_FRAGMENT(equinode, m) {
  m.def("threefry_poisson(Tensor key, Tensor rate) -> Tensor");
  m.def("threefry_binomial(Tensor key, Tensor count, Tensor p) -> Tensor");
}
TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) {
  m.impl("threefry_poisson", threefry_poisson);
  m.impl("threefry_binomial", threefry_binomial);
}
TORCH_LIBRARY_IMPL(equinode, FuncTorchBatched, m) {
  m.impl("threefry_poisson", batched_poisson);
  m.impl("threefry_binomial", batched_binomial);
}

}  // namespace

}  // namespace equinode::random
