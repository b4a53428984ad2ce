#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "native/trace/pointwise_kernels.h"

namespace equinode::trace {

// A chain of pointwise float32 operators as one loop over memory. The operands live in registers of a block of
// elements each, so that what lies between the first inputs and the last outputs never leaves the cache. Inputs may be
// of smaller sizes, which are broadcast, and of any strides. Runs as the operator `equinode::pointwise`; made from a
// graph by fuse_pointwise.
//
// Each instruction rounds as the operator it stands for, so results differ from the unfused ones by no more than the
// rounding of a multiplication and an addition that libtorch's vector code may contract, and by two units in the last
// place of an exponential or hyperbolic tangent.

struct PointInstruction {
  PointOp op;
  int64_t target;
  int64_t a;
  int64_t b;
  int64_t c;
};

// Registers are numbered: inputs, constants, outputs, then those for what lies between.
struct PointProgram {
  int64_t inputs = 0;
  int64_t constants = 0;
  int64_t outputs = 0;
  int64_t temporaries = 0;
  std::vector<PointInstruction> instructions;
  // The instruction that reads each input last, and the one that writes each output.
  std::vector<size_t> last_read;
  std::vector<size_t> written;

  void note_order();

  std::vector<int64_t> encode() const;
  static PointProgram decode(const std::vector<int64_t>& code);
};

}  // namespace equinode::trace
