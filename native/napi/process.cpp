#include "native/napi/process.h"

#include <ATen/functorch/BatchedFallback.h>
#include <ATen/Parallel.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <cstdlib>
#include <mutex>

#include "native/core/block_cache.h"

namespace equinode::napi {

namespace {

// What is not a tensor (the scratch memory of convolutions and matrix products) comes from malloc, and glibc maps and
// unmaps blocks over 128 KiB each time. Blocks up to this size come from the heap instead, and the heap's top is given
// back only beyond it. For tensors see NOTE [block cache] in native/core/block_cache.h.
constexpr int kKeepBytes = 64 << 20;

void keep_large_blocks() {
#ifdef __GLIBC__
  if (std::getenv("MALLOC_MMAP_THRESHOLD_") == nullptr) mallopt(M_MMAP_THRESHOLD, kKeepBytes);
  if (std::getenv("MALLOC_TRIM_THRESHOLD_") == nullptr) mallopt(M_TRIM_THRESHOLD, 2 * kKeepBytes);
#endif
}

void choose_threads() {
  const char* wanted = std::getenv("EQUINODE_NUM_THREADS");
  if (wanted == nullptr) return;
  const int count = std::atoi(wanted);
  if (count > 0) at::set_num_threads(count);
}

}  // namespace

void prepare_process() {
  static std::once_flag once;
  std::call_once(once, [] {
    core::install_block_cache();
    keep_large_blocks();
    choose_threads();
    // It would send users to PyTorch for each operator that runs once for each of a batch.
    at::functorch::setVmapFallbackWarningEnabled(false);
  });
}

}  // namespace equinode::napi
