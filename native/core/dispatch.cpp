#include "native/core/dispatch.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/functorch/DynamicLayer.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <atomic>

namespace equinode::core {

namespace {

std::atomic<bool> requires_grad_used{false};

}  // namespace

void note_requires_grad() { requires_grad_used.store(true, std::memory_order_relaxed); }

bool requires_grad_was_used() { return requires_grad_used.load(std::memory_order_relaxed); }

bool in_layers() { return !at::functorch::getDynamicLayerStack().empty(); }

bool in_trace() { return c10::impl::tls_local_dispatch_key_set().included_.has(kTraceKey); }

bool autograd_may_record() { return requires_grad_was_used() || in_layers(); }

void dispatch(const Operator& op, torch::jit::Stack& stack) {
  if (autograd_may_record()) {
    op.handle.callBoxed(stack);
  } else {
    at::AutoDispatchBelowADInplaceOrView below;
    op.handle.callBoxed(stack);
  }
}

}  // namespace equinode::core
