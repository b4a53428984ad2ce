// The operators of namespace `equinode` that draw bits, uniform and normal numbers. See NOTE [threefry bit layout].
#include <ATen/ATen.h>
#include <torch/library.h>

#include <cstdint>
#include <utility>

#include "native/base/error.h"
#include "native/random/batching.h"
#include "native/random/keys.h"
#include "native/random/unit.h"

namespace equinode::random {

namespace {

constexpr int64_t kGrain = 1 << 14;
// Words that are made at once, before they are converted: they stay in the first-level cache.
constexpr int64_t kBlock = 256;

// Compiled once for each vector width; the machine's is chosen when the addon is loaded.
#define EQUINODE_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))

EQUINODE_CLONES void fill_words(Pair key, Pair first, int64_t count, uint32_t* a, uint32_t* b) {
  for (int64_t i = 0; i < count; ++i) {
    const Pair pair = threefry2x32(key, {first.a, first.b + static_cast<uint32_t>(i)});
    a[i] = pair.a;
    b[i] = pair.b;
  }
}

EQUINODE_CLONES void fill_bits(Pair key, Pair first, int64_t count, uint32_t* out) {
  for (int64_t i = 0; i < count; ++i) {
    const Pair pair = threefry2x32(key, {first.a, first.b + static_cast<uint32_t>(i)});
    out[i] = pair.a ^ pair.b;
  }
}

EQUINODE_CLONES void fill_uniform(Pair key, Pair first, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    out[i] = unit<float>(threefry2x32(key, {first.a, first.b + static_cast<uint32_t>(i)}));
  }
}

EQUINODE_CLONES void fill_normal(Pair key, Pair first, int64_t count, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    out[i] = normal<float>(threefry2x32(key, {first.a, first.b + static_cast<uint32_t>(i)}));
  }
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
void for_each_pair(const at::Tensor& key, int64_t count, const Write& write) {
  for_each_span(key, count, kGrain, [&](Pair pair, int64_t first, int64_t flat, int64_t length) {
    uint32_t a[kBlock];
    uint32_t b[kBlock];
    for (int64_t done = 0; done < length; done += kBlock) {
      const int64_t size = std::min(kBlock, length - done);
      fill_words(pair, counter(first + done), size, a, b);
      for (int64_t i = 0; i < size; ++i) write(flat + done + i, Pair{a[i], b[i]});
    }
  });
}

// The same for a kernel that converts on the fly.
template <typename Number>
void fill_all(const at::Tensor& key, int64_t count, Number* out, void (*fill)(Pair, Pair, int64_t, Number*)) {
  for_each_span(key, count, kGrain, [&](Pair pair, int64_t first, int64_t flat, int64_t length) {
    fill(pair, counter(first), length, out + flat);
  });
}

at::Tensor threefry_split(const at::Tensor& key, at::IntArrayRef shape) {
  check_key(key, "split");
  at::Tensor result = at::empty(result_sizes(key, shape, 2), at::kUInt32);
  auto* out = result.mutable_data_ptr<uint32_t>();
  for_each_pair(key, c10::multiply_integers(shape), [out](int64_t i, Pair pair) {
    out[2 * i] = pair.a;
    out[2 * i + 1] = pair.b;
  });
  return result.to(key.device());
}

at::Tensor threefry_fold_in(const at::Tensor& key, const at::Tensor& data) {
  check_key(key, "foldIn");
  const at::Tensor numbers = data.to(at::kCPU, at::kLong).contiguous();
  at::Tensor result = at::empty(key.sizes(), at::kUInt32);
  const auto* number = numbers.const_data_ptr<int64_t>();
  auto* out = result.mutable_data_ptr<uint32_t>();
  for_each_element(key, numbers, [=](Pair pair, int64_t, int64_t flat) {
    const Pair folded = threefry2x32(pair, {0, static_cast<uint32_t>(number[flat])});
    out[2 * flat] = folded.a;
    out[2 * flat + 1] = folded.b;
  });
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
    for_each_pair(key, count, [&](int64_t i, Pair pair) { out[i] = static_cast<Word>(convert(pair)); });
    return result.to(key.device());
  };
  const auto low = [](Pair pair) { return pair.a ^ pair.b; };
  switch (width) {
    case 8:
      return fill(at::kByte, uint8_t{}, low);
    case 16:
      return fill(at::kUInt16, uint16_t{}, low);
    case 32: {
      at::Tensor result = at::empty(sizes, at::kUInt32);
      fill_all(key, count, result.mutable_data_ptr<uint32_t>(), fill_bits);
      return result.to(key.device());
    }
    case 64:
      return fill(at::kUInt64, uint64_t{}, [](Pair pair) { return (static_cast<uint64_t>(pair.a) << 32) | pair.b; });
    default:
      throw Error(kArgument, concat("bits: expected a width of 8, 16, 32 or 64 bits, got ", width));
  }
}

template <typename Number, typename Convert>
void convert_all(const at::Tensor& key, int64_t count, at::Tensor& result, const Convert& convert) {
  auto* out = result.mutable_data_ptr<Number>();
  for_each_pair(key, count, [&](int64_t i, Pair pair) { out[i] = convert(pair); });
}

at::Tensor threefry_uniform(const at::Tensor& key, at::IntArrayRef shape, at::ScalarType dtype) {
  check_key(key, "uniform");
  const int64_t count = c10::multiply_integers(shape);
  at::Tensor result = at::empty(result_sizes(key, shape, 0), dtype);
  switch (dtype) {
    case at::kFloat:
      fill_all(key, count, result.mutable_data_ptr<float>(), fill_uniform);
      break;
    case at::kDouble:
      convert_all<double>(key, count, result, unit<double>);
      break;
    case at::kHalf:
      convert_all<at::Half>(key, count, result, unit<at::Half>);
      break;
    case at::kBFloat16:
      convert_all<at::BFloat16>(key, count, result, unit<at::BFloat16>);
      break;
    default:
      throw Error(kDtype, concat("uniform: expected a floating point dtype, got ", c10::toString(dtype)));
  }
  return result.to(key.device());
}

at::Tensor threefry_normal(const at::Tensor& key, at::IntArrayRef shape, at::ScalarType dtype) {
  check_key(key, "normal");
  const int64_t count = c10::multiply_integers(shape);
  at::Tensor result = at::empty(result_sizes(key, shape, 0), dtype);
  switch (dtype) {
    case at::kFloat:
      fill_all(key, count, result.mutable_data_ptr<float>(), fill_normal);
      break;
    case at::kDouble:
      convert_all<double>(key, count, result, normal<double>);
      break;
    case at::kHalf:
      convert_all<at::Half>(key, count, result, normal<at::Half>);
      break;
    case at::kBFloat16:
      convert_all<at::BFloat16>(key, count, result, normal<at::BFloat16>);
      break;
    default:
      throw Error(kDtype, concat("normal: expected a floating point dtype, got ", c10::toString(dtype)));
  }
  return result.to(key.device());
}

TORCH_LIBRARY(equinode, m) {
  m.def("threefry_split(Tensor key, int[] shape) -> Tensor");
  m.def("threefry_fold_in(Tensor key, Tensor data) -> Tensor");
  m.def("threefry_bits(Tensor key, int[] shape, int width) -> Tensor");
  m.def("threefry_uniform(Tensor key, int[] shape, ScalarType dtype) -> Tensor");
  m.def("threefry_normal(Tensor key, int[] shape, ScalarType dtype) -> Tensor");
}

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) {
  m.impl("threefry_split", threefry_split);
  m.impl("threefry_fold_in", threefry_fold_in);
  m.impl("threefry_bits", threefry_bits);
  m.impl("threefry_uniform", threefry_uniform);
  m.impl("threefry_normal", threefry_normal);
}

at::Tensor batched_split(const at::Tensor& key, at::IntArrayRef shape) {
  static const auto op = operator_named<at::Tensor(const at::Tensor&, at::IntArrayRef)>("equinode::threefry_split");
  return batched(key, {}, [&](const at::Tensor& keys, const auto&) { return op.call(keys, shape); });
}

at::Tensor batched_fold_in(const at::Tensor& key, const at::Tensor& data) {
  static const auto op = operator_named<at::Tensor(const at::Tensor&, const at::Tensor&)>("equinode::threefry_fold_in");
  return batched(key, {data}, [&](const at::Tensor& keys, const auto& data) { return op.call(keys, data[0]); });
}

at::Tensor batched_bits(const at::Tensor& key, at::IntArrayRef shape, int64_t width) {
  static const auto op =
      operator_named<at::Tensor(const at::Tensor&, at::IntArrayRef, int64_t)>("equinode::threefry_bits");
  return batched(key, {}, [&](const at::Tensor& keys, const auto&) { return op.call(keys, shape, width); });
}

using NumbersSignature = at::Tensor(const at::Tensor&, at::IntArrayRef, at::ScalarType);

at::Tensor batched_uniform(const at::Tensor& key, at::IntArrayRef shape, at::ScalarType dtype) {
  static const auto op = operator_named<NumbersSignature>("equinode::threefry_uniform");
  return batched(key, {}, [&](const at::Tensor& keys, const auto&) { return op.call(keys, shape, dtype); });
}

at::Tensor batched_normal(const at::Tensor& key, at::IntArrayRef shape, at::ScalarType dtype) {
  static const auto op = operator_named<NumbersSignature>("equinode::threefry_normal");
  return batched(key, {}, [&](const at::Tensor& keys, const auto&) { return op.call(keys, shape, dtype); });
}

TORCH_LIBRARY_IMPL(equinode, FuncTorchBatched, m) {
  m.impl("threefry_split", batched_split);
  m.impl("threefry_fold_in", batched_fold_in);
  m.impl("threefry_bits", batched_bits);
  m.impl("threefry_uniform", batched_uniform);
  m.impl("threefry_normal", batched_normal);
}

}  // namespace

}  // namespace equinode::random
