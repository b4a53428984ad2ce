#pragma once

#include <ATen/core/stack.h>
#include <c10/core/DispatchKey.h>

#include "native/core/op_table.h"

namespace equinode::core {

// Calls an operator through the dispatcher: arguments on the stack before, results after.
void dispatch(const Operator& op, torch::jit::Stack& stack);

// Whether autograd could record this call: a transform is active, or grad mode is on and `requires_grad` was ever
// asked for. When it cannot, operators run below autograd and save its bookkeeping.
bool autograd_may_record();

// Whether a layer of a transform is active on this thread.
bool in_layers();

// Whether a tensor was ever made to require gradients outside the transforms.
bool requires_grad_was_used();

// The dispatch key of the recorder: below autograd and functorch, above the backends.
inline constexpr c10::DispatchKey kTraceKey = c10::DispatchKey::Fake;

// Whether this thread is tracing: kernels see the example's values then, which are none of the program's.
bool in_trace();

// Called when a tensor is made to require gradients outside the transforms.
void note_requires_grad();

}  // namespace equinode::core
