#include "native/transform/custom_call.h"

#include <ATen/ATen.h>
#include <torch/library.h>

#include <utility>

#include "native/base/error.h"

namespace equinode::transform {

namespace {

thread_local CustomCall host_call;

std::vector<at::Tensor> custom_call(at::TensorList inputs, at::TensorList /*plain*/, int64_t id) {
  require(host_call != nullptr, kTransform,
          "expected a function with a custom rule on the thread that compiled it, got a call on another");
  return host_call(id, inputs.vec());
}

TORCH_LIBRARY_FRAGMENT(equinode, m) { m.def("custom_call(Tensor[] inputs, Tensor[] plain, int id) -> Tensor[]"); }

// Before any layer takes the call apart: the host looks at the layers itself.
TORCH_LIBRARY_IMPL(equinode, FuncTorchDynamicLayerFrontMode, m) { m.impl("custom_call", custom_call); }

TORCH_LIBRARY_IMPL(equinode, Autograd, m) { m.impl("custom_call", custom_call); }

// Above the recorder, which is to see what the host makes of it.
TORCH_LIBRARY_IMPL(equinode, Fake, m) { m.impl("custom_call", custom_call); }

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) { m.impl("custom_call", custom_call); }

}  // namespace

void set_custom_call(CustomCall call) { host_call = std::move(call); }

}  // namespace equinode::transform
