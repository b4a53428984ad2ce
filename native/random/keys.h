// The keys that an operator was given, and the elements that each of them draws.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "native/base/error.h"
#include "native/random/threefry.h"

namespace equinode::random {

inline void check_key(const at::Tensor& key, const char* op) {
  require(key.scalar_type() == at::kUInt32 && key.dim() >= 1 && key.size(-1) == 2, kShape, op,
          ": expected a key uint32[2], got ", key.toString(), " of shape [", c10::Join(",", key.sizes()), "]");
}

// Calls `fill(key, first index under the key, first flat index, count)` for spans that cover `count` elements under
// each key. The indices of a span have the same high word.
template <typename Fill>
void for_each_span(const at::Tensor& key, int64_t count, int64_t grain, const Fill& fill) {
  constexpr uint64_t kWord = uint64_t{1} << 32;
  const at::Tensor keys = key.to(at::kCPU).contiguous();
  const auto* words = keys.const_data_ptr<uint32_t>();
  at::parallel_for(0, keys.numel() / 2 * count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t flat = begin; flat < end;) {
      const int64_t k = flat / count;
      const int64_t first = flat - k * count;
      const auto left_of_word = static_cast<int64_t>(kWord - static_cast<uint64_t>(first) % kWord);
      const int64_t length = std::min({end - flat, count - first, left_of_word});
      fill(Pair{words[2 * k], words[2 * k + 1]}, first, flat, length);
      flat += length;
    }
  });
}

// Calls `draw(key, index under the key, flat index)` for every element of a parameter, whose leading axes are those of
// the keys.
template <typename Draw>
void for_each_element(const at::Tensor& key, const at::Tensor& parameter, const Draw& draw) {
  // Rejection takes some hundred operations an element.
  constexpr int64_t kGrain = 256;
  const auto batch = static_cast<size_t>(key.dim() - 1);
  require(parameter.sizes().slice(0, std::min<size_t>(batch, parameter.dim())) == key.sizes().slice(0, batch), kShape,
          "random: expected parameters with the batch axes of the keys");
  const int64_t count = c10::multiply_integers(parameter.sizes().slice(batch));
  for_each_span(key, count, kGrain, [&](Pair pair, int64_t first, int64_t flat, int64_t length) {
    for (int64_t i = 0; i < length; ++i) draw(pair, first + i, flat + i);
  });
}

}  // namespace equinode::random
