#pragma once

#include <cstdint>

namespace equinode::core {

// A slot's index and generation in one number, as JavaScript holds it. Up to 2^22 slots it fits the 31 bits that V8
// stores without allocating; beyond, it is a double of at most 2^53. 0 is no handle, since generations start at 1.
using Handle = uint64_t;

inline constexpr uint32_t kSmallIndexBits = 22;
inline constexpr Handle kSmallHandles = Handle{1} << 30;

constexpr Handle make_handle(uint32_t index, uint8_t generation) {
  if (index < (1U << kSmallIndexBits)) return (static_cast<Handle>(generation) << kSmallIndexBits) | index;
  return kSmallHandles + ((static_cast<Handle>(index) << 8) | generation);
}
constexpr uint32_t index_of(Handle handle) {
  if (handle < kSmallHandles) return static_cast<uint32_t>(handle & ((1U << kSmallIndexBits) - 1));
  return static_cast<uint32_t>((handle - kSmallHandles) >> 8);
}
constexpr uint8_t generation_of(Handle handle) {
  if (handle < kSmallHandles) return static_cast<uint8_t>(handle >> kSmallIndexBits);
  return static_cast<uint8_t>(handle - kSmallHandles);
}

}  // namespace equinode::core
