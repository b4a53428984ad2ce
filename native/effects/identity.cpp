#include "native/effects/identity.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <utility>

#include "native/base/carried.h"
#include "native/base/error.h"
#include "native/core/dispatch.h"
#include "native/core/own_memory.h"

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

at::Tensor same_values(const at::Tensor& x) { return core::in_trace() ? core::own_memory(x) : x.alias(); }

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
