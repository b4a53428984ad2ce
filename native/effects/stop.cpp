// The operator under `nondifferentiable`, `nondifferentiableBackward`, `nontraceable` and `nonbatchable`: the identity,
// and an error where a transform that it excludes meets it.
#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include <string>
#include <string_view>

#include "native/base/carried.h"
#include "native/base/error.h"
#include "native/effects/batching.h"
#include "native/effects/identity.h"

namespace equinode::effects {

namespace {

at::Tensor stop(const at::Tensor& x, bool, bool, bool, std::string_view) { return same_values(x); }

at::Tensor call_stop(const at::Tensor& x, bool batching, bool derivatives, bool gradients, std::string_view message) {
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("equinode::stop", "").typed<decltype(stop)>();
  return op.call(x, batching, derivatives, gradients, message);
}

at::Tensor batched_stop(const at::Tensor& x, bool batching, bool derivatives, bool gradients,
                        std::string_view message) {
  const BatchLevel batch;
  const auto [value, axis] = batch.open(x);
  if (axis.has_value() && batching) throw_carried(Error(kTransform, std::string(message)));
  const at::Tensor result = call_stop(value, batching, derivatives, gradients, message);
  return axis.has_value() ? batch.close(result, *axis) : result;
}

at::Tensor differentiable_stop(const at::Tensor& x, bool batching, bool derivatives, bool gradients,
                               std::string_view message) {
  if (derivatives && (is_watched(x) || has_tangent(x))) throw_carried(Error(kTransform, std::string(message)));
  at::Tensor result;
  {
    const at::AutoDispatchBelowADInplaceOrView below;
    result = call_stop(x, batching, derivatives, gradients, message);
  }
  pass_derivatives(x, result, gradients ? std::optional(std::string(message)) : std::nullopt);
  return result;
}

TORCH_LIBRARY_FRAGMENT(equinode, m) {
  m.def("stop(Tensor(a) x, bool batching, bool derivatives, bool gradients, str message) -> Tensor(a)");
}

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) { m.impl("stop", stop); }

TORCH_LIBRARY_IMPL(equinode, FuncTorchBatched, m) { m.impl("stop", batched_stop); }

TORCH_LIBRARY_IMPL(equinode, Autograd, m) { m.impl("stop", differentiable_stop); }

}  // namespace

}  // namespace equinode::effects
