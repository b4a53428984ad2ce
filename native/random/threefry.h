// Threefry-2x32 with 20 rounds: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
//
// NOTE [threefry bit layout]: element i of a result is made from the pair (high half of i, low half of i) under the
// key, JAX's partitionable layout (jax/_src/prng.py, v0.10). 32 bits are a ^ b, 64 bits are a << 32 | b, 16 and 8 bits
// are the low ones of a ^ b. A key may have leading batch axes; the results have them in front.
#pragma once

#include <cstdint>

namespace equinode::random {

struct Pair {
  uint32_t a;
  uint32_t b;
};

#define EQUINODE_INLINE [[gnu::always_inline]] inline

EQUINODE_INLINE uint32_t rotate(uint32_t value, int bits) { return (value << bits) | (value >> (32 - bits)); }

template <int kA, int kB, int kC, int kD>
EQUINODE_INLINE void four_rounds(Pair& x) {
  x.a += x.b;
  x.b = rotate(x.b, kA) ^ x.a;
  x.a += x.b;
  x.b = rotate(x.b, kB) ^ x.a;
  x.a += x.b;
  x.b = rotate(x.b, kC) ^ x.a;
  x.a += x.b;
  x.b = rotate(x.b, kD) ^ x.a;
}

EQUINODE_INLINE Pair threefry2x32(Pair key, Pair x) {
  const uint32_t third = key.a ^ key.b ^ 0x1BD11BDAU;
  x.a += key.a;
  x.b += key.b;
  four_rounds<13, 15, 26, 6>(x);
  x.a += key.b;
  x.b += third + 1;
  four_rounds<17, 29, 16, 24>(x);
  x.a += third;
  x.b += key.a + 2;
  four_rounds<13, 15, 26, 6>(x);
  x.a += key.a;
  x.b += key.b + 3;
  four_rounds<17, 29, 16, 24>(x);
  x.a += key.b;
  x.b += third + 4;
  four_rounds<13, 15, 26, 6>(x);
  x.a += third;
  x.b += key.a + 5;
  return x;
}

EQUINODE_INLINE Pair counter(uint64_t index) {
  return {static_cast<uint32_t>(index >> 32), static_cast<uint32_t>(index)};
}

// The key at `index` of those that a key splits into, which is also the pair that element `index` is made from.
inline Pair subkey(Pair key, uint64_t index) { return threefry2x32(key, counter(index)); }

}  // namespace equinode::random
