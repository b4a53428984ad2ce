// Truth over all elements and over the batches of all vmap layers: `equinode::unvmap_any(Tensor x) -> Tensor`, which is
// the same for every element of a batch. See equinox.internal.unvmap_any.
#include <ATen/ATen.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/PlumbingHelper.h>
#include <torch/library.h>

#include "native/base/error.h"

namespace equinode::control {

namespace {

at::Tensor unvmap_any(const at::Tensor& x) { return x.any(); }

at::Tensor batched_unvmap_any(const at::Tensor& x) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("equinode::unvmap_any", "").typed<at::Tensor(const at::Tensor&)>();
  const auto layer = at::functorch::maybeCurrentDynamicLayer();
  require(layer.has_value(), kTransform, "whileLoop: no vmap is active");
  c10::impl::ExcludeDispatchKeyGuard below(c10::DispatchKey::FuncTorchBatched);
  return op.call(std::get<0>(at::functorch::unwrapTensorAtLevel(x, layer->layerId())));
}

TORCH_LIBRARY_FRAGMENT(equinode, m) { m.def("unvmap_any(Tensor x) -> Tensor"); }
TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) { m.impl("unvmap_any", unvmap_any); }
TORCH_LIBRARY_IMPL(equinode, FuncTorchBatched, m) { m.impl("unvmap_any", batched_unvmap_any); }

}  // namespace

}  // namespace equinode::control
