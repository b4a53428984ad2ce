#include "native/effects/callback.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include <algorithm>
#include <utility>

#include "native/base/carried.h"
#include "native/base/error.h"
#include "native/core/dispatch.h"
#include "native/effects/batching.h"
#include "native/effects/identity.h"

namespace equinode::effects {

namespace {

thread_local HostCall host_call;

std::vector<at::Tensor> call_host(int64_t id, at::TensorList inputs, at::IntArrayRef batch) {
  if (host_call == nullptr) {
    throw_carried(Error(kTransform, "expected a thread that reaches JavaScript, got a callback on another one"));
  }
  // The function may leave other exceptions of its own behind, and may replace the way to the host.
  const HostCall call = host_call;
  std::vector<at::Tensor> outputs = call(id, inputs.vec(), batch.vec());
  forget_carried();
  return outputs;
}

// Results have the shapes that are declared, behind the axes of the batch. `ranks` cuts `sizes` into shapes.
std::vector<at::Tensor> placeholders(at::IntArrayRef batch, at::IntArrayRef sizes, at::IntArrayRef ranks,
                                     at::IntArrayRef dtypes) {
  std::vector<at::Tensor> results;
  const int64_t* next = sizes.data();
  for (size_t i = 0; i < ranks.size(); ++i) {
    std::vector<int64_t> shape = batch.vec();
    shape.insert(shape.end(), next, next + ranks[i]);
    next += ranks[i];
    results.push_back(at::zeros(shape, static_cast<at::ScalarType>(dtypes[i])));
  }
  return results;
}

// A pure function of the host. `repeat` says what a batch makes of an input that has no batch axis: repeated, or with
// an axis of size 1. While it is traced the function does not run; results are contiguous then as later, since views
// that the trace took of them must exist in every run.
std::vector<at::Tensor> callback(at::TensorList inputs, int64_t id, at::IntArrayRef batch, bool, at::IntArrayRef sizes,
                                 at::IntArrayRef ranks, at::IntArrayRef dtypes) {
  if (core::in_trace()) return placeholders(batch, sizes, ranks, dtypes);
  std::vector<at::Tensor> results = call_host(id, inputs, batch);
  for (at::Tensor& result : results) result = result.contiguous();
  return results;
}

std::vector<at::Tensor> call_callback(at::TensorList inputs, int64_t id, at::IntArrayRef batch, bool repeat,
                                      at::IntArrayRef sizes, at::IntArrayRef ranks, at::IntArrayRef dtypes) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("equinode::callback", "").typed<decltype(callback)>();
  return op.call(inputs, id, batch, repeat, sizes, ranks, dtypes);
}

struct Batched {
  std::vector<at::Tensor> inputs;
  std::vector<int64_t> batch;
  bool is_batched = false;
};

Batched batched(const BatchLevel& level, at::TensorList inputs, at::IntArrayRef batch, bool repeat) {
  Batched result;
  result.is_batched = std::any_of(inputs.begin(), inputs.end(),
                                  [&](const at::Tensor& input) { return level.open(input).second.has_value(); });
  result.batch = batch.vec();
  if (result.is_batched) result.batch.insert(result.batch.begin(), level.size());
  for (const at::Tensor& input : inputs) {
    result.inputs.push_back(result.is_batched ? level.front(input, repeat) : level.open(input).first);
  }
  return result;
}

std::vector<at::Tensor> batched_callback(at::TensorList inputs, int64_t id, at::IntArrayRef batch, bool repeat,
                                         at::IntArrayRef sizes, at::IntArrayRef ranks, at::IntArrayRef dtypes) {
  const BatchLevel level;
  const Batched with = batched(level, inputs, batch, repeat);
  std::vector<at::Tensor> outputs = call_callback(with.inputs, id, with.batch, repeat, sizes, ranks, dtypes);
  if (with.is_batched) {
    for (at::Tensor& output : outputs) output = level.close(output);
  }
  return outputs;
}

std::vector<at::Tensor> undifferentiated_callback(at::TensorList inputs, int64_t id, at::IntArrayRef batch, bool repeat,
                                                  at::IntArrayRef sizes, at::IntArrayRef ranks,
                                                  at::IntArrayRef dtypes) {
  for (const at::Tensor& input : inputs) {
    if (!is_watched(input) && !has_tangent(input)) continue;
    throw_carried(Error(kTransform, "pureCallback",
                        "expected values that no derivative is taken of, got one that grad or jvp differentiates, "
                        "which cannot see into JavaScript. Use stopGradient on it, or give the function a rule with "
                        "customVjp or customJvp"));
  }
  const at::AutoDispatchBelowADInplaceOrView below;
  return call_callback(inputs, id, batch, repeat, sizes, ranks, dtypes);
}

// A function of the host that runs for what it does. Returns a token without elements.
at::Tensor effect(at::TensorList inputs, int64_t id, at::IntArrayRef batch) {
  if (!core::in_trace()) {
    std::vector<at::Tensor> plain;
    for (const at::Tensor& input : inputs) plain.push_back(input.detach());
    call_host(id, plain, batch);
  }
  return at::empty({0}, at::kByte);
}

at::Tensor call_effect(at::TensorList inputs, int64_t id, at::IntArrayRef batch) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("equinode::effect", "").typed<decltype(effect)>();
  return op.call(inputs, id, batch);
}

at::Tensor batched_effect(at::TensorList inputs, int64_t id, at::IntArrayRef batch) {
  const BatchLevel level;
  const Batched with = batched(level, inputs, batch, /*repeat=*/true);
  return call_effect(with.inputs, id, with.batch);
}

at::Tensor effect_below_autograd(at::TensorList inputs, int64_t id, at::IntArrayRef batch) {
  const at::AutoDispatchBelowADInplaceOrView below;
  return call_effect(inputs, id, batch);
}

TORCH_LIBRARY_FRAGMENT(equinode, m) {
  m.def(
      "callback(Tensor[] inputs, int id, int[] batch, bool repeat, int[] sizes, int[] ranks, int[] dtypes) -> "
      "Tensor[]");
  // TorchScript neither drops, merges nor moves an operator of which it knows nothing.
  m.def(torch::schema("effect(Tensor[] inputs, int id, int[] batch) -> Tensor", c10::AliasAnalysisKind::CONSERVATIVE));
}

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) {
  m.impl("callback", callback);
  m.impl("effect", effect);
}

TORCH_LIBRARY_IMPL(equinode, FuncTorchBatched, m) {
  m.impl("callback", batched_callback);
  m.impl("effect", batched_effect);
}

TORCH_LIBRARY_IMPL(equinode, Autograd, m) {
  m.impl("callback", undifferentiated_callback);
  m.impl("effect", effect_below_autograd);
}

}  // namespace

HostCallScope::HostCallScope(HostCall call) : outer_(std::exchange(host_call, std::move(call))) {}

HostCallScope::~HostCallScope() { host_call = std::move(outer_); }

}  // namespace equinode::effects
