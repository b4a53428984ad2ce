#include "native/effects/identity.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <utility>

#include "native/base/carried.h"
#include "native/base/error.h"
#include "native/core/dispatch.h"

namespace equinode::effects {

namespace {

struct PassBackward : public torch::autograd::Node {
  std::optional<std::string> refusal;

  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    if (refusal.has_value() && grads[0].defined()) throw_carried(Error(kTransform, *refusal));
    return std::move(grads);
  }
  std::string name() const override { return "EquinodePassBackward"; }
};

}  // namespace

at::Tensor same_values(const at::Tensor& x) {
  if (!core::in_trace() || !x.has_storage()) return x.alias();
  // A copy of the whole memory, since a view of other strides would accept other views than `x` does in a run.
  const auto count = static_cast<int64_t>(x.storage().nbytes() / x.itemsize());
  const at::Tensor memory = at::empty({0}, x.options().requires_grad(false)).set_(x.storage(), 0, {count}, {1});
  return memory.clone().as_strided(x.sizes(), x.strides(), x.storage_offset());
}

bool is_watched(const at::Tensor& x) { return c10::GradMode::is_enabled() && x.requires_grad(); }

bool has_tangent(const at::Tensor& x) { return x._fw_grad(/*level=*/0).defined(); }

void pass_derivatives(const at::Tensor& x, at::Tensor& result, std::optional<std::string> refusal) {
  if (is_watched(x)) {
    auto node = c10::make_intrusive<PassBackward>();
    node->refusal = std::move(refusal);
    node->set_next_edges(torch::autograd::collect_next_edges(x));
    torch::autograd::set_history(result, node);
  }
  if (has_tangent(x)) result._set_fw_grad(x._fw_grad(/*level=*/0), /*level=*/0, /*is_inplace_op=*/false);
}

}  // namespace equinode::effects
