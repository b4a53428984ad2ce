#pragma once

#include <cstdint>

namespace equinode::core {

// A slot and its generation in one number that a JavaScript double holds exactly: 32 bits of index, 20 of
// generation. 0 is no handle, since generations start at 1.
using Handle = uint64_t;

inline constexpr uint32_t kGenerations = 1U << 20;

constexpr Handle make_handle(uint32_t index, uint32_t generation) {
  return (static_cast<Handle>(generation) << 32) | index;
}
constexpr uint32_t index_of(Handle handle) { return static_cast<uint32_t>(handle); }
constexpr uint32_t generation_of(Handle handle) { return static_cast<uint32_t>(handle >> 32); }

}  // namespace equinode::core
