#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/functorch/DynamicLayer.h>

#include <cstdint>
#include <string>
#include <vector>

namespace equinode::transform {

// NOTE [level order and unwinding]: functorch's layers form a stack on each thread. A transform pushes one, the
// user's function runs, the transform pops it: all on one thread, in that order. JavaScript holds the depth that it
// found and unwinds to it in a `finally`, so an exception at any place leaves the stack as it was. Grad mode is part
// of what a level saves.

// Pushes a vmap layer for a batch of `size`; random operators inside it are errors.
int64_t push_vmap(int64_t size);

// Pushes a reverse-mode layer and switches grad mode on.
int64_t push_grad();

// The number of layers on this thread's stack.
int64_t depth();

// Pops layers until `depth` are left, restoring the grad mode that each of them found.
void unwind(int64_t depth);

// Whether a Grad or Jvp layer other than the innermost one is active.
bool has_outer_derivative();

// Whether grad mode was on outside all layers: then libtorch's own autograd may record what they compute.
bool grad_mode_outside();

// Puts the layers aside, for the tracing of a compiled function in a clean context; the destructor restores them.
class CleanContext {
 public:
  CleanContext();
  ~CleanContext();
  CleanContext(const CleanContext&) = delete;
  CleanContext& operator=(const CleanContext&) = delete;

 private:
  std::vector<at::functorch::DynamicLayer> layers_;
  std::vector<bool> grad_modes_;
  bool grad_mode_;
};

// Says which transform a tensor belongs to ("vmap", "grad", "jvp"), innermost first; empty for a concrete one.
std::string layers_of(const at::Tensor& tensor);

}  // namespace equinode::transform
