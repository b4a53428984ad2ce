#include "native/core/dispatch.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/functorch/DynamicLayer.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <atomic>

namespace equinode::core {

namespace {

std::atomic<bool> requires_grad_used{false};

bool in_vmap() {
  const auto& stack = at::functorch::getDynamicLayerStack();
  return std::any_of(stack.begin(), stack.end(),
                     [](const auto& layer) { return layer.key() == at::functorch::TransformType::Vmap; });
}

// Calls an operator under the layers of transforms. Functorch has no batching rule for some composite operators and
// would loop over the batch or give up, but has rules for what they call; and it wraps every tensor, also one whose
// memory an operator reads. Of some that draw it does not know that.
void dispatch_in_layers(const Operator& op, torch::jit::Stack& stack) {
  const bool in_batch = in_vmap();
  // A trace must not miss the read.
  const bool decomposes = op.reads_memory ? !in_trace() : in_batch && op.decomposes_in_vmap;
  if (decomposes) {
    op.handle.callBoxedForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd, stack);
    return;
  }
  TORCH_CHECK(!in_batch || !draws(op.handle, stack), "vmap: called random operation while in randomness error mode");
  op.handle.callBoxed(stack);
}

}  // namespace

void note_requires_grad() { requires_grad_used.store(true, std::memory_order_relaxed); }

bool requires_grad_was_used() { return requires_grad_used.load(std::memory_order_relaxed); }

bool in_layers() { return !at::functorch::getDynamicLayerStack().empty(); }

bool in_trace() { return c10::impl::tls_local_dispatch_key_set().included_.has(kTraceKey); }

bool autograd_may_record() { return requires_grad_was_used() || in_layers(); }

void dispatch(const Operator& op, torch::jit::Stack& stack) {
  if (in_layers()) {
    dispatch_in_layers(op, stack);
  } else if (requires_grad_was_used() && !in_trace()) {
    // A trace has no tape, and above autograd it would not see operators that autograd takes apart.
    op.handle.callBoxed(stack);
  } else {
    at::AutoDispatchBelowADInplaceOrView below;
    op.handle.callBoxed(stack);
  }
}

}  // namespace equinode::core
