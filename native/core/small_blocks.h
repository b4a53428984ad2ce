#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <unordered_set>

namespace equinode::core {

// Lists of free blocks for the data of small tensors, by size. malloc's aligned blocks cost half of a small operator
// where tensors die in bulk, as they do by garbage collection: each carves a chunk that the next collection joins
// again. Blocks come from slabs, which are never given back: they hold no more than the small tensors that once lived
// at the same time. May be used from any thread.
class SmallBlocks {
 public:
  static constexpr size_t kLargest = 1024;

  // The list that serves a size of at most kLargest.
  static constexpr size_t list_of(size_t bytes) {
    size_t list = 0;
    while ((kSmallest << list) < bytes) ++list;
    return list;
  }

  // A block of a list, aligned as libtorch wants it; null when the system has no memory left.
  void* take(size_t list);
  void give_back(size_t list, void* block);

  // The list of a block that came from here, or -1.
  int find(const void* block);

 private:
  // libtorch's alignment, and room for the list's link.
  static constexpr size_t kSmallest = 64;
  static constexpr size_t kLists = 5;
  static constexpr size_t kSlab = size_t{64} << 10;

  struct Free {
    Free* next;
  };

  // Fills a list from a new slab.
  bool refill(size_t list);

  std::mutex mutex_;
  std::array<Free*, kLists> free_ = {};
  std::array<std::unordered_set<const void*>, kLists> slabs_;
};

}  // namespace equinode::core
