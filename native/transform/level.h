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

// What the layers' own record does not hold: what they found, and how they are called.
struct NamedAxis {
  std::string name;
  int64_t size;
};

struct Frame {
  bool grad_mode;
  bool fw_grad_mode;
  bool is_forward;
  // Without a name for layers that are no named vmap.
  NamedAxis axis;
};

// Pushes a vmap layer for a batch of `size`; random operators inside it are errors. Collectives find the layer by
// `axis`, which is empty for a batch without a name.
int64_t push_vmap(int64_t size, std::string axis);

// Pushes a reverse-mode layer and switches grad mode on.
int64_t push_grad();

// Pushes a forward-mode layer and switches forward-mode derivatives on.
int64_t push_jvp();

// The number of layers on this thread's stack.
int64_t depth();

// Pops layers until `depth` are left, restoring the grad mode that each of them found.
void unwind(int64_t depth);

// Whether a Grad or Jvp layer is active below the `depth`-th one of the stack.
bool has_derivative_below(int64_t depth);

// The innermost layer, or its kind `kNone` when there is none.
enum class LayerKind { kNone, kVmap, kGrad, kJvp };
struct Layer {
  LayerKind kind = LayerKind::kNone;
  int64_t level = 0;
  // Of a vmap layer.
  int64_t size = 0;
  std::string axis;
};
Layer top_layer();

// The named axes of this thread's layers, outermost first. While a function is traced these include those of the layers
// that were put aside, under which the program will run.
std::vector<NamedAxis> named_axes();

// The axis of a level's layer; null when it is no vmap layer with a name.
const NamedAxis* axis_of_level(int64_t level);

// Whether grad mode was on outside all layers: then libtorch's own autograd may record what they compute.
bool grad_mode_outside();

// What the layers of a thread are, and the modes that belong to them.
class LayerState {
 public:
  LayerState();
  void restore() const;

 private:
  std::vector<at::functorch::DynamicLayer> layers_;
  std::vector<Frame> frames_;
  std::vector<NamedAxis> outer_axes_;
  bool grad_mode_;
  bool fw_grad_mode_;
};

// Puts the layers aside, for the tracing of a compiled function in a clean context; the destructor restores them.
class CleanContext {
 public:
  CleanContext();
  ~CleanContext();
  CleanContext(const CleanContext&) = delete;
  CleanContext& operator=(const CleanContext&) = delete;

 private:
  LayerState state_;
};

// Puts the innermost layer aside, so that what runs belongs to the levels outside it: where rules of custom derivatives
// are called. The destructor restores it.
class LoweredContext {
 public:
  LoweredContext();
  ~LoweredContext();
  LoweredContext(const LoweredContext&) = delete;
  LoweredContext& operator=(const LoweredContext&) = delete;

 private:
  LayerState state_;
};

// Says which transform a tensor belongs to ("vmap", "grad", "jvp"), innermost first; empty for a concrete one.
std::string layers_of(const at::Tensor& tensor);

}  // namespace equinode::transform
