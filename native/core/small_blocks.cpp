#include "native/core/small_blocks.h"

#include <cstdint>
#include <cstdlib>

namespace equinode::core {

void* SmallBlocks::take(size_t list) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (free_[list] == nullptr && !refill(list)) return nullptr;
  Free* block = free_[list];
  free_[list] = block->next;
  return block;
}

void SmallBlocks::give_back(size_t list, void* block) {
  auto* freed = static_cast<Free*>(block);
  const std::lock_guard<std::mutex> lock(mutex_);
  freed->next = free_[list];
  free_[list] = freed;
}

int SmallBlocks::find(const void* block) {
  const auto address = reinterpret_cast<uintptr_t>(block);
  const auto* slab = reinterpret_cast<const void*>(address - address % kSlab);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (size_t list = 0; list < kLists; ++list) {
    if (slabs_[list].count(slab) > 0) return static_cast<int>(list);
  }
  return -1;
}

bool SmallBlocks::refill(size_t list) {
  auto* slab = static_cast<char*>(std::aligned_alloc(kSlab, kSlab));
  if (slab == nullptr) return false;
  slabs_[list].insert(slab);
  const size_t size = kSmallest << list;
  for (size_t offset = kSlab; offset > 0; offset -= size) {
    auto* block = reinterpret_cast<Free*>(slab + offset - size);
    block->next = free_[list];
    free_[list] = block;
  }
  return true;
}

}  // namespace equinode::core
