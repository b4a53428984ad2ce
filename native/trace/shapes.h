#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

namespace equinode::trace {

// NOTE [shapes without values]: for `evalShape` operators run on libtorch's meta tensors, which have shapes and dtypes
// and no memory. The switch sits on the recorder's dispatch key, so that every operand becomes one, whatever it was:
// constants, captured tensors, what factories make, on whatever layers of transforms. Traces inside, as of the bodies
// of control flow, switch it off, and take zeros for such tensors.

// Switches it on and off on this thread; calls nest.
void begin_shapes();
void end_shapes();

bool in_shapes();

// Switches it off, however often it was switched on, until the object dies.
class SuspendedShapes {
 public:
  SuspendedShapes();
  ~SuspendedShapes();
  SuspendedShapes(const SuspendedShapes&) = delete;
  SuspendedShapes& operator=(const SuspendedShapes&) = delete;

  bool are_suspended() const { return outside_ > 0; }

 private:
  int64_t outside_;
};

// Zeros on the CPU for a meta tensor; other tensors as they are.
at::Tensor to_zeros(const at::Tensor& tensor);

// Runs one operator for the shapes of its results.
void run_for_shapes(const c10::OperatorHandle& op, torch::jit::Stack& stack);

}  // namespace equinode::trace
