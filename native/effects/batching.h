#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cstdint>
#include <optional>
#include <utility>

namespace equinode::effects {

// What a batching rule works in: the level of the vmap that it belongs to, whose key is switched off meanwhile.
class BatchLevel {
 public:
  BatchLevel();

  int64_t level() const { return level_; }
  int64_t size() const { return size_; }

  // A tensor without this level's batch axis hidden, and where the axis is.
  std::pair<at::Tensor, std::optional<int64_t>> open(const at::Tensor& tensor) const;

  // Hides the first axis as this level's batch axis.
  at::Tensor close(const at::Tensor& tensor, int64_t axis = 0) const;

  // The tensor with its batch axis in front; one that has none is repeated, or gets an axis of size 1.
  at::Tensor front(const at::Tensor& tensor, bool repeat) const;

 private:
  c10::impl::ExcludeDispatchKeyGuard below_;
  int64_t level_;
  int64_t size_;
};

}  // namespace equinode::effects
