#include "native/core/block_cache.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <iterator>
#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "native/core/small_blocks.h"

namespace equinode::core {

namespace {

// Below, what a block costs in the lists is felt beside an operator on it.
constexpr size_t kSmallestBlock = size_t{32} << 10;

// How much is always kept for reuse. Beyond it half of what was ever in use at once: the blocks of a step's sizes,
// which are never all free, fit into that. What was kept longest goes first.
constexpr size_t kKeptBytes = size_t{64} << 20;

// When the system maps no more (it counts mappings, not only bytes), blocks up to this size may still be malloc's.
constexpr size_t kLargestFromMalloc = size_t{64} << 20;

// More than any address space has: refused before rounding could overflow.
constexpr size_t kLargestBlock = size_t{1} << 47;

// Rounds up to one of eight sizes between two powers of two, so that at most an eighth is wasted, and to pages.
size_t rounded(size_t bytes) {
  size_t power = kSmallestBlock;
  while (power * 2 <= bytes) power *= 2;
  const size_t step = power / 8;
  return (bytes + step - 1) / step * step;
}

class BlockCache final : public c10::Allocator {
 public:
  static BlockCache& instance();

  c10::DataPtr allocate(size_t bytes) override {
    if (bytes > 0 && bytes <= SmallBlocks::kLargest) return allocate_small(SmallBlocks::list_of(bytes));
    if (bytes < kSmallestBlock) return c10::GetDefaultCPUAllocator()->allocate(bytes);
    void* block = bytes > kLargestBlock ? nullptr : take(rounded(bytes));
    if (block == nullptr && bytes <= kLargestFromMalloc) return c10::GetDefaultCPUAllocator()->allocate(bytes);
    TORCH_CHECK_WITH(OutOfMemoryError, block != nullptr, "can't allocate memory: you tried to allocate ", bytes,
                     " bytes");
    return {block, block, &give_back, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &free_any; }

  void copy_data(void* dest, const void* src, size_t count) const override { default_copy_data(dest, src, count); }

  int64_t bytes() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<int64_t>(used_bytes_ + kept_bytes_);
  }

  void trim() {
    unmap(evict(0));
    const std::lock_guard<std::mutex> lock(mutex_);
    most_used_bytes_ = used_bytes_;
  }

 private:
  struct Block {
    void* address;
    size_t size;
  };
  using Kept = std::list<Block>;

  static void give_back(void* block) { instance().keep(block); }

  template <size_t kList>
  static void give_back_small(void* block) {
    instance().small_.give_back(kList, block);
  }

  c10::DataPtr allocate_small(size_t list) {
    // A deleter gets the block alone, so there is one for each list.
    static constexpr std::array<c10::DeleterFnPtr, 5> kDeleters = {
        &give_back_small<0>, &give_back_small<1>, &give_back_small<2>, &give_back_small<3>, &give_back_small<4>};
    void* block = small_.take(list);
    TORCH_CHECK_WITH(OutOfMemoryError, block != nullptr, "can't allocate memory: the host has none left");
    return {block, block, kDeleters[list], c10::Device(c10::DeviceType::CPU)};
  }

  // For callers that hold a bare address.
  static void free_any(void* block) {
    const int list = instance().small_.find(block);
    if (list >= 0) {
      instance().small_.give_back(static_cast<size_t>(list), block);
    } else if (instance().owns(block)) {
      give_back(block);
    } else {
      c10::GetDefaultCPUAllocator()->raw_deallocate(block);
    }
  }

  bool owns(void* block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return used_.count(block) > 0;
  }

  // With the lock held.
  void use(void* block, size_t size) {
    used_.emplace(block, size);
    used_bytes_ += size;
    most_used_bytes_ = std::max(most_used_bytes_.load(), used_bytes_);
  }

  void* take(size_t size) {
    void* block = take_kept(size);
    if (block == nullptr) block = map(size);
    if (block == nullptr) {
      trim();
      block = map(size);
    }
    return block;
  }

  void* take_kept(size_t size) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = by_size_.find(size);
    if (found == by_size_.end() || found->second.empty()) return nullptr;
    const Kept::iterator latest = found->second.back();
    found->second.pop_back();
    void* block = latest->address;
    kept_.erase(latest);
    kept_bytes_ -= size;
    use(block, size);
    return block;
  }

  void* map(size_t size) {
    void* block = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return nullptr;
    const std::lock_guard<std::mutex> lock(mutex_);
    use(block, size);
    return block;
  }

  void keep(void* block) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto found = used_.find(block);
      const size_t size = found->second;
      used_.erase(found);
      used_bytes_ -= size;
      kept_.push_back({block, size});
      kept_bytes_ += size;
      by_size_[size].push_back(std::prev(kept_.end()));
    }
    unmap(evict(std::max(kKeptBytes, most_used_bytes_.load() / 2)));
  }

  // Takes the blocks that were kept longest out of the lists, until at most `limit` bytes are kept.
  std::vector<Block> evict(size_t limit) {
    std::vector<Block> evicted;
    const std::lock_guard<std::mutex> lock(mutex_);
    while (kept_bytes_ > limit) {
      const Block oldest = kept_.front();
      // Of its size it is the oldest too.
      by_size_[oldest.size].pop_front();
      kept_.pop_front();
      kept_bytes_ -= oldest.size;
      evicted.push_back(oldest);
    }
    return evicted;
  }

  static void unmap(const std::vector<Block>& blocks) {
    for (const Block& block : blocks) munmap(block.address, block.size);
  }

  SmallBlocks small_;
  std::mutex mutex_;
  // The blocks that tensors use, with their sizes.
  std::unordered_map<void*, size_t> used_;
  size_t used_bytes_ = 0;
  std::atomic<size_t> most_used_bytes_{0};
  // The free blocks, the one that was freed first in front.
  Kept kept_;
  std::unordered_map<size_t, std::deque<Kept::iterator>> by_size_;
  size_t kept_bytes_ = 0;
};

BlockCache& BlockCache::instance() {
  static auto* cache = new BlockCache;
  return *cache;
}

}  // namespace

void install_block_cache() { c10::SetCPUAllocator(&BlockCache::instance(), /*priority=*/1); }

int64_t block_cache_bytes() { return BlockCache::instance().bytes(); }

void trim_block_cache() { BlockCache::instance().trim(); }

}  // namespace equinode::core
