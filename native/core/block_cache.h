#pragma once

#include <cstdint>

namespace equinode::core {

// NOTE [block cache]: libtorch's CPU allocator is malloc. glibc either maps large blocks and zeroes their pages anew
// each time (half of a mid-size training step), or carves them from its heap, where small blocks that live long (the
// losses of a training loop) split the room between them until a freed block fits no later one: a loop that keeps
// nothing but a number per step then grows by a fraction of its batch each step. So blocks from 32 KiB on are mapped
// and kept in lists by size, up to a limit, for the next tensor of that size. The smallest ones come from
// small_blocks.h; those between stay malloc's.
//
// The cache is one for the process, may be used from any thread, and is never destroyed, since tensors may be freed
// while the process ends.

// Makes libtorch take its CPU memory from the cache. Call it once, before the first tensor.
void install_block_cache();

// Bytes that the cache has mapped, in use or kept; the slabs of small blocks are malloc's, which counts them.
int64_t block_cache_bytes();

// Gives the kept blocks back to the system.
void trim_block_cache();

}  // namespace equinode::core
