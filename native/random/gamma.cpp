// Gamma numbers by rejection: Marsaglia, Tsang, "A simple method for generating gamma variables" (ACM TOMS, 2000), with
// the keys of jax.random.gamma: one for each element, split anew for every try.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/library.h>

#include <cmath>
#include <limits>
#include <utility>

#include "native/random/batching.h"
#include "native/random/keys.h"
#include "native/random/unit.h"

namespace equinode::random {

namespace {

// Half precisions compute each operation in float and round it.
template <typename Float>
using Wide = std::conditional_t<std::is_same_v<Float, double>, double, float>;

template <typename Float>
Float log_of(Float x) {
  return std::log(static_cast<Wide<Float>>(x));
}

// The first normal number whose cube root lies above zero, and that cube root.
template <typename Float>
std::pair<Float, Float> draw_positive(Pair key, Float c) {
  for (;;) {
    const Float x = normal<Float>(subkey(subkey(key, 1), 0));
    const Float v = Float(1) + Float(x * c);
    if (v > Float(0) || v != v) return {x, v};
    key = subkey(key, 0);
  }
}

template <typename Float>
Float draw_gamma(Pair key, Float alpha, bool log_space) {
  const bool is_boosted = !(alpha >= Float(1));
  const Pair boost_key = subkey(key, 1);
  key = subkey(key, 0);
  const Float d = (is_boosted ? Float(alpha + Float(1)) : alpha) - Float(1.0 / 3.0);
  const Float c = Float(1.0 / 3.0) / Float(std::sqrt(static_cast<Wide<Float>>(d)));
  Float v;
  for (;;) {
    const auto [x, root] = draw_positive<Float>(subkey(key, 1), c);
    const Float square = x * x;
    v = Float(root * root) * root;
    const Float u = unit<Float>(subkey(subkey(key, 2), 0));
    key = subkey(key, 0);
    if (!(u >= Float(1) - Float(Float(0.0331) * Float(square * square)))) break;
    const Float bound = Float(square * Float(0.5)) + Float(d * Float(Float(Float(1) - v) + log_of(v)));
    if (!(log_of(u) >= bound)) break;
  }
  const Float uniform = unit<Float>(subkey(boost_key, 0));
  if (log_space) {
    const Float log_uniform = std::log1p(static_cast<Wide<Float>>(-uniform));
    const Float boost = is_boosted && log_uniform != Float(0) ? Float(log_uniform * Float(Float(1) / alpha)) : Float(0);
    return Float(log_of(d) + log_of(v)) + boost;
  }
  if (!is_boosted) return d * v;
  using W = Wide<Float>;
  const Float base = Float(1) - uniform;
  return Float(d * v) * Float(std::pow(static_cast<W>(base), static_cast<W>(Float(Float(1) / alpha))));
}

at::Tensor threefry_gamma(const at::Tensor& key, const at::Tensor& alpha, bool log_space) {
  check_key(key, "gamma");
  const at::Tensor alphas = alpha.to(at::kCPU).contiguous();
  at::Tensor result = at::empty(alphas.sizes(), alphas.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, alphas.scalar_type(), "gamma", [&] {
    const auto* in = alphas.const_data_ptr<scalar_t>();
    auto* out = result.mutable_data_ptr<scalar_t>();
    for_each_element(key, alphas, [=](Pair pair, int64_t index, int64_t flat) {
      out[flat] = draw_gamma<scalar_t>(subkey(pair, index), in[flat], log_space);
    });
  });
  return result.to(key.device());
}

// The derivative of a number with respect to its parameter: implicit, along the level line of the distribution
// function.
at::Tensor gamma_slope(const at::Tensor& alpha, const at::Tensor& drawn, bool log_space) {
  const at::ScalarType dtype = alpha.scalar_type();
  const at::ScalarType wide = dtype == at::kDouble ? at::kDouble : at::kFloat;
  at::Tensor sample = drawn.to(wide);
  if (log_space) sample = sample.exp().clamp_min(std::numeric_limits<float>::min());
  const at::Tensor slope = at::_standard_gamma_grad(alpha.to(wide), sample);
  return (log_space ? slope / sample : slope).to(dtype);
}

using Signature = at::Tensor(const at::Tensor&, const at::Tensor&, bool);

at::Tensor call_gamma(const at::Tensor& key, const at::Tensor& alpha, bool log_space) {
  static const auto op = operator_named<Signature>("equinode::threefry_gamma");
  return op.call(key, alpha, log_space);
}

at::Tensor call_slope(const at::Tensor& alpha, const at::Tensor& drawn, bool log_space) {
  static const auto op = operator_named<Signature>("equinode::gamma_slope");
  return op.call(alpha, drawn, log_space);
}

struct GammaBackward : torch::autograd::Node {
  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    if (!grads[0].defined()) return {at::Tensor()};
    return {grads[0] * call_slope(alpha.unpack(), drawn.unpack(getptr()), log_space)};
  }
  void release_variables() override {
    alpha.reset_data();
    drawn.reset_data();
  }
  std::string name() const override { return "GammaBackward"; }

  torch::autograd::SavedVariable alpha;
  torch::autograd::SavedVariable drawn;
  bool log_space = false;
};

at::Tensor differentiable_gamma(const at::Tensor& key, const at::Tensor& alpha, bool log_space) {
  c10::intrusive_ptr<GammaBackward> node;
  if (torch::autograd::compute_requires_grad(alpha)) {
    node = c10::make_intrusive<GammaBackward>();
    node->set_next_edges(torch::autograd::collect_next_edges(alpha));
    node->alpha = torch::autograd::SavedVariable(alpha, false);
    node->log_space = log_space;
  }
  at::Tensor result;
  {
    at::AutoDispatchBelowADInplaceOrView below;
    result = call_gamma(key, alpha, log_space);
  }
  if (node) {
    torch::autograd::set_history(result, node);
    node->drawn = torch::autograd::SavedVariable(result, true);
  }
  const at::Tensor tangent = alpha._fw_grad(0);
  if (tangent.defined()) {
    const at::Tensor primal = alpha._fw_primal(0);
    result._set_fw_grad(tangent * call_slope(primal, result, log_space), 0, false);
  }
  return result;
}

at::Tensor batched_gamma(const at::Tensor& key, const at::Tensor& alpha, bool log_space) {
  return batched(key, {alpha},
                 [&](const at::Tensor& keys, const auto& values) { return call_gamma(keys, values[0], log_space); });
}

at::Tensor batched_slope(const at::Tensor& alpha, const at::Tensor& drawn, bool log_space) {
  return batched(alpha, {drawn}, [&](const at::Tensor& alphas, const auto& values) {
    return call_slope(alphas, values[0], log_space);
  });
}

TORCH_LIBRARY_FRAGMENT(equinode, m) {
  m.def("threefry_gamma(Tensor key, Tensor alpha, bool log_space) -> Tensor");
  m.def("gamma_slope(Tensor alpha, Tensor drawn, bool log_space) -> Tensor");
}
TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) {
  m.impl("threefry_gamma", threefry_gamma);
  m.impl("gamma_slope", gamma_slope);
}
TORCH_LIBRARY_IMPL(equinode, Autograd, m) { m.impl("threefry_gamma", differentiable_gamma); }
TORCH_LIBRARY_IMPL(equinode, FuncTorchBatched, m) {
  m.impl("threefry_gamma", batched_gamma);
  m.impl("gamma_slope", batched_slope);
}

}  // namespace

}  // namespace equinode::random
