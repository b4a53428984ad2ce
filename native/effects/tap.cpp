// The operator under `backwardNan`: the identity on a list of tensors, which shows them and their gradients to a
// function of the host in the backward pass, and checks the gradients for NaN.
#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/List.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/library.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "native/effects/batching.h"
#include "native/effects/identity.h"

namespace equinode::effects {

namespace {

std::vector<at::Tensor> tap(at::TensorList xs, int64_t, bool, std::string_view) {
  std::vector<at::Tensor> results;
  for (const at::Tensor& x : xs) results.push_back(same_values(x));
  return results;
}

std::vector<at::Tensor> call_tap(at::TensorList xs, int64_t id, bool terminate, std::string_view where) {
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("equinode::tap", "").typed<decltype(tap)>();
  return op.call(xs, id, terminate, where);
}

void call_effect(at::TensorList inputs, int64_t id) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("equinode::effect", "")
                             .typed<at::Tensor(at::TensorList, int64_t, at::IntArrayRef)>();
  op.call(inputs, id, {});
}

at::Tensor nan_token(const at::Tensor& has_nan, const std::string& where) {
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("equinode::check", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const c10::List<std::string>&, std::string_view)>();
  return op.call(has_nan, at::zeros({}, at::kLong), c10::List<std::string>({"Encountered NaN"}), where);
}

at::Tensor after_token(const at::Tensor& x, const at::Tensor& token) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("equinode::after", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&)>();
  return op.call(x, token);
}

struct TapBackward : public torch::autograd::Node {
  int64_t id = 0;
  bool terminate = false;
  std::string where;
  std::vector<torch::autograd::SavedVariable> saved;

  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    std::vector<at::Tensor> shown;
    for (const torch::autograd::SavedVariable& x : saved) shown.push_back(x.unpack());
    for (size_t i = 0; i < grads.size(); ++i) {
      shown.push_back(grads[i].defined() ? grads[i] : at::zeros_like(shown[i]));
    }
    call_effect(shown, id);
    if (!terminate) return std::move(grads);
    at::Tensor has_nan;
    for (const at::Tensor& grad : grads) {
      if (!grad.defined()) continue;
      const at::Tensor one = at::isnan(grad).any();
      has_nan = has_nan.defined() ? has_nan.logical_or(one) : one;
    }
    if (!has_nan.defined()) return std::move(grads);
    const at::Tensor token = nan_token(has_nan, where);
    for (at::Tensor& grad : grads) {
      if (grad.defined()) grad = after_token(grad, token);
    }
    return std::move(grads);
  }
  void release_variables() override { saved.clear(); }
  std::string name() const override { return "EquinodeTapBackward"; }
};

std::vector<at::Tensor> batched_tap(at::TensorList xs, int64_t id, bool terminate, std::string_view where) {
  const BatchLevel batch;
  std::vector<at::Tensor> values;
  std::vector<std::optional<int64_t>> axes;
  for (const at::Tensor& x : xs) {
    auto [value, axis] = batch.open(x);
    values.push_back(std::move(value));
    axes.push_back(axis);
  }
  std::vector<at::Tensor> results = call_tap(values, id, terminate, where);
  for (size_t i = 0; i < results.size(); ++i) {
    if (axes[i].has_value()) results[i] = batch.close(results[i], *axes[i]);
  }
  return results;
}

std::vector<at::Tensor> differentiable_tap(at::TensorList xs, int64_t id, bool terminate, std::string_view where) {
  std::vector<at::Tensor> results;
  {
    const at::AutoDispatchBelowADInplaceOrView below;
    results = call_tap(xs, id, terminate, where);
  }
  if (std::any_of(xs.begin(), xs.end(), is_watched)) {
    auto node = c10::make_intrusive<TapBackward>();
    node->id = id;
    node->terminate = terminate;
    node->where = where;
    for (const at::Tensor& x : xs) node->saved.emplace_back(x, /*is_output=*/false);
    node->set_next_edges(torch::autograd::collect_next_edges(xs));
    torch::autograd::set_history(results, node);
  }
  for (size_t i = 0; i < results.size(); ++i) {
    if (has_tangent(xs[i])) {
      results[i]._set_fw_grad(xs[i]._fw_grad(/*level=*/0), /*level=*/0, /*is_inplace_op=*/false);
    }
  }
  return results;
}

TORCH_LIBRARY_FRAGMENT(equinode, m) { m.def("tap(Tensor[] xs, int id, bool terminate, str where) -> Tensor[]"); }

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) { m.impl("tap", tap); }

TORCH_LIBRARY_IMPL(equinode, FuncTorchBatched, m) { m.impl("tap", batched_tap); }

TORCH_LIBRARY_IMPL(equinode, Autograd, m) { m.impl("tap", differentiable_tap); }

}  // namespace

}  // namespace equinode::effects
