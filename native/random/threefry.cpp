// The operators of namespace `equinode` that draw random bits.
//
// Threefry-2x32 with 20 rounds: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
// The layout of the counters is JAX's partitionable one (jax/_src/prng.py, v0.10): element i of the result is made
// from the pair (high half of i, low half of i) under the key.
//
// NOTE [threefry bit layout]: 32 bits are a ^ b, 64 bits are a << 32 | b, 16 and 8 bits are the low ones of a ^ b.
// A key may have leading batch axes; the results have them in front.
#include <ATen/ATen.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/PlumbingHelper.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "native/base/error.h"

namespace equinode::random {

namespace {

struct Pair {
  uint32_t a;
  uint32_t b;
};

inline uint32_t rotate(uint32_t value, int bits) { return (value << bits) | (value >> (32 - bits)); }

template <int kA, int kB, int kC, int kD>
inline void four_rounds(Pair& x) {
  x.a += x.b;
  x.b = rotate(x.b, kA) ^ x.a;
  x.a += x.b;
  x.b = rotate(x.b, kB) ^ x.a;
  x.a += x.b;
  x.b = rotate(x.b, kC) ^ x.a;
  x.a += x.b;
  x.b = rotate(x.b, kD) ^ x.a;
}

inline Pair threefry2x32(Pair key, Pair x) {
  const uint32_t third = key.a ^ key.b ^ 0x1BD11BDAU;
  x.a += key.a;
  x.b += key.b;
  four_rounds<13, 15, 26, 6>(x);
  x.a += key.b;
  x.b += third + 1;
  four_rounds<17, 29, 16, 24>(x);
  x.a += third;
  x.b += key.a + 2;
  four_rounds<13, 15, 26, 6>(x);
  x.a += key.a;
  x.b += key.b + 3;
  four_rounds<17, 29, 16, 24>(x);
  x.a += key.b;
  x.b += third + 4;
  four_rounds<13, 15, 26, 6>(x);
  x.a += third;
  x.b += key.a + 5;
  return x;
}

constexpr int64_t kGrain = 1 << 14;

void check_key(const at::Tensor& key, const char* op) {
  require(key.scalar_type() == at::kUInt32 && key.dim() >= 1 && key.size(-1) == 2, kShape, op,
          ": expected a key uint32[2], got ", key.toString(), " of shape [", c10::Join(",", key.sizes()), "]");
}

// The sizes of a result: the key's batch axes, then `shape`, then `last` if it is not 0.
std::vector<int64_t> result_sizes(const at::Tensor& key, at::IntArrayRef shape, int64_t last) {
  std::vector<int64_t> sizes(key.sizes().begin(), key.sizes().end() - 1);
  for (const int64_t size : shape) {
    require(size >= 0, kShape, "expected sizes of at least 0, got ", size);
    sizes.push_back(size);
  }
  if (last > 0) sizes.push_back(last);
  return sizes;
}

// Calls `write(flat index of the result, pair)` for `count` counters under each key.
template <typename Write>
void for_each_counter(const at::Tensor& key, int64_t count, const Write& write) {
  const at::Tensor keys = key.to(at::kCPU).contiguous();
  const auto* words = keys.const_data_ptr<uint32_t>();
  const int64_t batch = keys.numel() / 2;
  for (int64_t k = 0; k < batch; ++k) {
    const Pair pair{words[2 * k], words[2 * k + 1]};
    at::parallel_for(0, count, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Pair counter{static_cast<uint32_t>(static_cast<uint64_t>(i) >> 32), static_cast<uint32_t>(i)};
        write(k * count + i, threefry2x32(pair, counter));
      }
    });
  }
}

at::Tensor threefry_split(const at::Tensor& key, at::IntArrayRef shape) {
  check_key(key, "split");
  at::Tensor result = at::empty(result_sizes(key, shape, 2), at::kUInt32);
  auto* out = result.mutable_data_ptr<uint32_t>();
  for_each_counter(key, c10::multiply_integers(shape), [out](int64_t i, Pair pair) {
    out[2 * i] = pair.a;
    out[2 * i + 1] = pair.b;
  });
  return result.to(key.device());
}

at::Tensor threefry_fold_in(const at::Tensor& key, const at::Tensor& data) {
  check_key(key, "foldIn");
  const at::Tensor keys = key.to(at::kCPU).contiguous();
  std::vector<int64_t> batch(keys.sizes().begin(), keys.sizes().end() - 1);
  const at::Tensor numbers = data.to(at::kCPU, at::kLong).expand(batch).contiguous();
  at::Tensor result = at::empty(keys.sizes(), at::kUInt32);
  const auto* words = keys.const_data_ptr<uint32_t>();
  const auto* number = numbers.const_data_ptr<int64_t>();
  auto* out = result.mutable_data_ptr<uint32_t>();
  for (int64_t i = 0; i < numbers.numel(); ++i) {
    const Pair pair = threefry2x32({words[2 * i], words[2 * i + 1]}, {0, static_cast<uint32_t>(number[i])});
    out[2 * i] = pair.a;
    out[2 * i + 1] = pair.b;
  }
  return result.to(key.device());
}

at::Tensor threefry_bits(const at::Tensor& key, at::IntArrayRef shape, int64_t width) {
  check_key(key, "bits");
  const auto sizes = result_sizes(key, shape, 0);
  const int64_t count = c10::multiply_integers(shape);
  const auto fill = [&](at::ScalarType dtype, auto word, const auto& convert) {
    using Word = decltype(word);
    at::Tensor result = at::empty(sizes, dtype);
    auto* out = result.mutable_data_ptr<Word>();
    for_each_counter(key, count, [&](int64_t i, Pair pair) { out[i] = static_cast<Word>(convert(pair)); });
    return result.to(key.device());
  };
  const auto low = [](Pair pair) { return pair.a ^ pair.b; };
  switch (width) {
    case 8:
      return fill(at::kByte, uint8_t{}, low);
    case 16:
      return fill(at::kUInt16, uint16_t{}, low);
    case 32:
      return fill(at::kUInt32, uint32_t{}, low);
    case 64:
      return fill(at::kUInt64, uint64_t{}, [](Pair pair) { return (static_cast<uint64_t>(pair.a) << 32) | pair.b; });
    default:
      throw Error(kArgument, concat("bits: expected a width of 8, 16, 32 or 64 bits, got ", width));
  }
}

template <typename Float, typename Word>
inline Float unit(Word bits, int shift, Word one) {
  const Word mantissa = static_cast<Word>((bits >> shift) | one);
  Float value;
  std::memcpy(&value, &mantissa, sizeof value);
  return value - Float(1);
}

// Uniform numbers in [0, 1): the high bits become the mantissa of a number in [1, 2), less 1.
at::Tensor threefry_uniform(const at::Tensor& key, at::IntArrayRef shape, at::ScalarType dtype) {
  check_key(key, "uniform");
  const auto sizes = result_sizes(key, shape, 0);
  const int64_t count = c10::multiply_integers(shape);
  at::Tensor result = at::empty(sizes, dtype);
  switch (dtype) {
    case at::kFloat: {
      auto* out = result.mutable_data_ptr<float>();
      for_each_counter(key, count,
                       [=](int64_t i, Pair x) { out[i] = unit<float, uint32_t>(x.a ^ x.b, 9, 0x3F800000U); });
      break;
    }
    case at::kDouble: {
      auto* out = result.mutable_data_ptr<double>();
      for_each_counter(key, count, [=](int64_t i, Pair x) {
        out[i] = unit<double, uint64_t>((static_cast<uint64_t>(x.a) << 32) | x.b, 12, 0x3FF0000000000000ULL);
      });
      break;
    }
    case at::kHalf: {
      auto* out = result.mutable_data_ptr<at::Half>();
      for_each_counter(key, count, [=](int64_t i, Pair x) {
        const auto bits = static_cast<uint16_t>(x.a ^ x.b);
        const auto mantissa = static_cast<uint16_t>((bits >> 6) | 0x3C00U);
        out[i] = static_cast<float>(at::Half(mantissa, at::Half::from_bits())) - 1.0F;
      });
      break;
    }
    case at::kBFloat16: {
      auto* out = result.mutable_data_ptr<at::BFloat16>();
      for_each_counter(key, count, [=](int64_t i, Pair x) {
        const auto bits = static_cast<uint8_t>(x.a ^ x.b);
        const auto mantissa = static_cast<uint16_t>((bits >> 1) | 0x3F80U);
        out[i] = static_cast<float>(at::BFloat16(mantissa, at::BFloat16::from_bits())) - 1.0F;
      });
      break;
    }
    default:
      throw Error(kDtype, concat("uniform: expected a floating point dtype, got ", c10::toString(dtype)));
  }
  return result.to(key.device());
}

TORCH_LIBRARY(equinode, m) {
  m.def("threefry_split(Tensor key, int[] shape) -> Tensor");
  m.def("threefry_fold_in(Tensor key, Tensor data) -> Tensor");
  m.def("threefry_bits(Tensor key, int[] shape, int width) -> Tensor");
  m.def("threefry_uniform(Tensor key, int[] shape, ScalarType dtype) -> Tensor");
}

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) {
  m.impl("threefry_split", threefry_split);
  m.impl("threefry_fold_in", threefry_fold_in);
  m.impl("threefry_bits", threefry_bits);
  m.impl("threefry_uniform", threefry_uniform);
}

// Batching: the batch axis of a key goes to the front, where the kernels expect it.
template <typename Call>
at::Tensor batched_key(const at::Tensor& key, const Call& call) {
  const auto layer = at::functorch::maybeCurrentDynamicLayer();
  require(layer.has_value(), kTransform, "random: no vmap is active");
  const int64_t level = layer->layerId();
  c10::impl::ExcludeDispatchKeyGuard below(c10::DispatchKey::FuncTorchBatched);
  const auto [value, axis] = at::functorch::unwrapTensorAtLevel(key, level);
  if (!axis.has_value()) return call(value);
  return at::functorch::makeBatched(call(value.movedim(*axis, 0)), 0, level);
}

at::Tensor batched_split(const at::Tensor& key, at::IntArrayRef shape) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("equinode::threefry_split", "")
                             .typed<at::Tensor(const at::Tensor&, at::IntArrayRef)>();
  return batched_key(key, [&](const at::Tensor& keys) { return op.call(keys, shape); });
}

at::Tensor batched_fold_in(const at::Tensor& key, const at::Tensor& data) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("equinode::threefry_fold_in", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&)>();
  const auto layer = at::functorch::maybeCurrentDynamicLayer();
  require(layer.has_value(), kTransform, "random: no vmap is active");
  const int64_t level = layer->layerId();
  c10::impl::ExcludeDispatchKeyGuard below(c10::DispatchKey::FuncTorchBatched);
  auto [keys, key_axis] = at::functorch::unwrapTensorAtLevel(key, level);
  auto [numbers, data_axis] = at::functorch::unwrapTensorAtLevel(data, level);
  if (!key_axis.has_value() && !data_axis.has_value()) return op.call(keys, numbers);
  if (key_axis.has_value()) keys = keys.movedim(*key_axis, 0);
  if (data_axis.has_value()) numbers = numbers.movedim(*data_axis, 0);
  const int64_t size = key_axis.has_value() ? keys.size(0) : numbers.size(0);
  if (!key_axis.has_value()) {
    std::vector<int64_t> sizes = keys.sizes().vec();
    sizes.insert(sizes.begin(), size);
    keys = keys.expand(sizes);
  }
  // Trailing axes of size 1 let the numbers meet batched keys of any rank.
  while (numbers.dim() > 0 && numbers.dim() < keys.dim() - 1) numbers = numbers.unsqueeze(-1);
  return at::functorch::makeBatched(op.call(keys, numbers), 0, level);
}

at::Tensor batched_bits(const at::Tensor& key, at::IntArrayRef shape, int64_t width) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("equinode::threefry_bits", "")
                             .typed<at::Tensor(const at::Tensor&, at::IntArrayRef, int64_t)>();
  return batched_key(key, [&](const at::Tensor& keys) { return op.call(keys, shape, width); });
}

at::Tensor batched_uniform(const at::Tensor& key, at::IntArrayRef shape, at::ScalarType dtype) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("equinode::threefry_uniform", "")
                             .typed<at::Tensor(const at::Tensor&, at::IntArrayRef, at::ScalarType)>();
  return batched_key(key, [&](const at::Tensor& keys) { return op.call(keys, shape, dtype); });
}

TORCH_LIBRARY_IMPL(equinode, FuncTorchBatched, m) {
  m.impl("threefry_split", batched_split);
  m.impl("threefry_fold_in", batched_fold_in);
  m.impl("threefry_bits", batched_bits);
  m.impl("threefry_uniform", batched_uniform);
}

}  // namespace

}  // namespace equinode::random
