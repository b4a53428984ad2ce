// The operators of namespace `equinode` that work across a named axis of vmap.
//
// NOTE [named axes]: an operator that names an axis goes down the layers like any other. Its kernel for vmap runs at
// every vmap layer (the key FuncTorchVmapMode, which does not ask whether an operand is batched there): the layer that
// owns the name reduces over its batch dimension and gives a result without one, every other hands the operator to the
// level below. Where derivatives are taken below the owner of the name, the Autograd kernel says what they are. An
// operator that reaches the base has no owner, unless it is being traced and the owner was put aside meanwhile: then
// the program will run under it, and the base kernel only needs to give the right shape.
#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/PlumbingHelper.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/library.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "native/base/error.h"
#include "native/transform/level.h"

namespace equinode::transform {

namespace functorch = at::functorch;

namespace {

enum class Reduction { kSum, kMean, kMax, kMin };

template <Reduction kKind>
constexpr const char* kName = "";
template <>
constexpr const char* kName<Reduction::kSum> = "psum";
template <>
constexpr const char* kName<Reduction::kMean> = "pmean";
template <>
constexpr const char* kName<Reduction::kMax> = "pmax";
template <>
constexpr const char* kName<Reduction::kMin> = "pmin";

// The level that an operator is at, with the kernels of vmap switched off for the level below.
struct VmapLevel {
  VmapLevel()
      : level(functorch::maybeCurrentDynamicLayer()->layerId()),
        below(c10::DispatchKeySet({c10::DispatchKey::FuncTorchVmapMode, c10::DispatchKey::FuncTorchBatched})) {}

  bool owns(std::string_view axis) const {
    const NamedAxis* named = axis_of_level(level);
    return named != nullptr && named->name == axis;
  }

  int64_t size() const { return axis_of_level(level)->size; }

  std::pair<at::Tensor, std::optional<int64_t>> unwrap(const at::Tensor& x) const {
    auto [value, axis] = functorch::unwrapTensorAtLevel(x, level);
    return {std::move(value), axis};
  }

  int64_t level;
  c10::impl::ExcludeDispatchKeyGuard below;
};

// The size of an axis that a program which is being traced will run under.
int64_t size_of_outer_axis(std::string_view axis, const char* op) {
  const std::vector<NamedAxis> axes = named_axes();
  for (auto named = axes.rbegin(); named != axes.rend(); ++named) {
    if (named->name == axis) return named->size;
  }
  throw Error(kTransform, op,
              concat("expected the name of an axis that a vmap around it has, got \"", axis, "\". Pass { axisName: \"",
                     axis, "\" } to vmap."));
}

at::Tensor divided(const at::Tensor& sum, int64_t count) { return sum / count; }

using ReduceHandle = c10::TypedOperatorHandle<at::Tensor(const at::Tensor&, std::string_view)>;

ReduceHandle find_reduce(const std::string& name) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow(("equinode::" + name).c_str(), "")
      .typed<at::Tensor(const at::Tensor&, std::string_view)>();
}

template <Reduction kKind>
at::Tensor call_reduce(const at::Tensor& x, std::string_view axis) {
  static const ReduceHandle op = find_reduce(kName<kKind>);
  return op.call(x, axis);
}

// What the reduction of `size` equal values is.
template <Reduction kKind>
at::Tensor reduce_equal(const at::Tensor& x, int64_t size) {
  if constexpr (kKind == Reduction::kSum) return x * size;
  if constexpr (kKind == Reduction::kMean) return at::isIntegralType(x.scalar_type(), true) ? divided(x, 1) : x.alias();
  return x.alias();
}

template <Reduction kKind>
at::Tensor base_reduce(const at::Tensor& x, std::string_view axis) {
  return reduce_equal<kKind>(x, size_of_outer_axis(axis, kName<kKind>)).clone();
}

template <Reduction kKind>
at::Tensor vmapped_reduce(const at::Tensor& x, std::string_view axis) {
  const VmapLevel here;
  const auto [value, batch_axis] = here.unwrap(x);
  if (!here.owns(axis)) {
    const at::Tensor result = call_reduce<kKind>(value, axis);
    return batch_axis.has_value() ? functorch::makeBatched(result, *batch_axis, here.level) : result;
  }
  if (!batch_axis.has_value()) return reduce_equal<kKind>(value, here.size());
  if constexpr (kKind == Reduction::kMax) return value.amax(*batch_axis);
  if constexpr (kKind == Reduction::kMin) return value.amin(*batch_axis);
  const at::Tensor sum = value.sum(*batch_axis);
  if constexpr (kKind == Reduction::kMean) return divided(sum, here.size());
  return sum;
}

// The derivative of a sum or mean is itself, in both directions; a maximum hands on to those that attain it, in equal
// parts.
template <Reduction kKind>
struct ReduceBackward : public torch::autograd::Node {
  std::string axis;
  torch::autograd::SavedVariable x;
  torch::autograd::SavedVariable result;

  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    if (!grads[0].defined()) return {at::Tensor()};
    if constexpr (kKind == Reduction::kSum || kKind == Reduction::kMean) return {call_reduce<kKind>(grads[0], axis)};
    const at::Tensor mask = x.unpack().eq(result.unpack(this->getptr()));
    const at::Tensor share = mask.to(grads[0].scalar_type());
    return {call_reduce<Reduction::kSum>(grads[0], axis) * share / call_reduce<Reduction::kSum>(share, axis)};
  }
  std::string name() const override { return "EquinodeReduceBackward"; }
  void release_variables() override {
    x.reset_data();
    result.reset_data();
  }
};

template <Reduction kKind>
at::Tensor tangent_of(const at::Tensor& x, const at::Tensor& result, const at::Tensor& tangent, std::string_view axis) {
  if constexpr (kKind == Reduction::kSum || kKind == Reduction::kMean) return call_reduce<kKind>(tangent, axis);
  const at::Tensor share = x.eq(result).to(tangent.scalar_type());
  return call_reduce<Reduction::kSum>(tangent * share, axis) / call_reduce<Reduction::kSum>(share, axis);
}

bool is_watched(const at::Tensor& x) { return c10::GradMode::is_enabled() && x.requires_grad(); }

at::Tensor tangent_at(const at::Tensor& x) { return x._fw_grad(/*level=*/0); }

template <Reduction kKind>
at::Tensor differentiable_reduce(const at::Tensor& x, std::string_view axis) {
  at::Tensor result;
  {
    const at::AutoDispatchBelowADInplaceOrView below;
    result = call_reduce<kKind>(x, axis);
  }
  if (is_watched(x) && torch::autograd::isDifferentiableType(result.scalar_type())) {
    auto node = c10::make_intrusive<ReduceBackward<kKind>>();
    node->axis = axis;
    node->set_next_edges(torch::autograd::collect_next_edges(x));
    torch::autograd::set_history(result, node);
    if (kKind == Reduction::kMax || kKind == Reduction::kMin) {
      node->x = torch::autograd::SavedVariable(x, /*is_output=*/false);
      node->result = torch::autograd::SavedVariable(result, /*is_output=*/true);
    }
  }
  const at::Tensor tangent = tangent_at(x);
  if (tangent.defined()) {
    result._set_fw_grad(tangent_of<kKind>(x, result, tangent, axis), /*level=*/0, /*is_inplace_op=*/false);
  }
  return result;
}

// Gathering: the batch of the named axis becomes the visible axis `dim`.

at::Tensor call_gather(const at::Tensor& x, std::string_view axis, int64_t dim) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("equinode::all_gather", "")
                             .typed<at::Tensor(const at::Tensor&, std::string_view, int64_t)>();
  return op.call(x, axis, dim);
}

at::Tensor call_index(std::string_view axis) {
  static const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow("equinode::axis_index", "").typed<at::Tensor(std::string_view)>();
  return op.call(axis);
}

at::Tensor repeated(const at::Tensor& x, int64_t dim, int64_t size) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.insert(sizes.begin() + dim, size);
  return x.unsqueeze(dim).expand(sizes);
}

at::Tensor base_gather(const at::Tensor& x, std::string_view axis, int64_t dim) {
  return repeated(x, dim, size_of_outer_axis(axis, "allGather")).clone();
}

at::Tensor vmapped_gather(const at::Tensor& x, std::string_view axis, int64_t dim) {
  const VmapLevel here;
  const auto [value, batch_axis] = here.unwrap(x);
  if (here.owns(axis)) {
    return batch_axis.has_value() ? value.movedim(*batch_axis, dim) : repeated(value, dim, here.size());
  }
  if (!batch_axis.has_value()) return call_gather(value, axis, dim);
  return functorch::makeBatched(call_gather(value.movedim(*batch_axis, 0), axis, dim + 1), 0, here.level);
}

struct GatherBackward : public torch::autograd::Node {
  std::string axis;
  int64_t dim = 0;

  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    if (!grads[0].defined()) return {at::Tensor()};
    const at::Tensor total = call_reduce<Reduction::kSum>(grads[0], axis);
    const at::Tensor own = call_index(axis).reshape({1}).to(total.device());
    return {total.index_select(dim, own).squeeze(dim)};
  }
  std::string name() const override { return "EquinodeGatherBackward"; }
};

at::Tensor differentiable_gather(const at::Tensor& x, std::string_view axis, int64_t dim) {
  at::Tensor result;
  {
    const at::AutoDispatchBelowADInplaceOrView below;
    result = call_gather(x, axis, dim);
  }
  if (is_watched(x)) {
    auto node = c10::make_intrusive<GatherBackward>();
    node->axis = axis;
    node->dim = dim;
    node->set_next_edges(torch::autograd::collect_next_edges(x));
    torch::autograd::set_history(result, node);
  }
  const at::Tensor tangent = tangent_at(x);
  if (tangent.defined()) result._set_fw_grad(call_gather(tangent, axis, dim), /*level=*/0, /*is_inplace_op=*/false);
  return result;
}

at::Tensor base_index(std::string_view axis) {
  size_of_outer_axis(axis, "axisIndex");
  return at::zeros({}, at::kLong);
}

at::Tensor vmapped_index(std::string_view axis) {
  const VmapLevel here;
  if (!here.owns(axis)) return call_index(axis);
  return functorch::makeBatched(at::arange(here.size(), at::kLong), 0, here.level);
}

TORCH_LIBRARY_FRAGMENT(equinode, m) {
  m.def("psum(Tensor x, str axis) -> Tensor");
  m.def("pmean(Tensor x, str axis) -> Tensor");
  m.def("pmax(Tensor x, str axis) -> Tensor");
  m.def("pmin(Tensor x, str axis) -> Tensor");
  m.def("all_gather(Tensor x, str axis, int dim) -> Tensor");
  m.def("axis_index(str axis) -> Tensor");
}

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) {
  m.impl("psum", base_reduce<Reduction::kSum>);
  m.impl("pmean", base_reduce<Reduction::kMean>);
  m.impl("pmax", base_reduce<Reduction::kMax>);
  m.impl("pmin", base_reduce<Reduction::kMin>);
  m.impl("all_gather", base_gather);
  m.impl("axis_index", base_index);
}

TORCH_LIBRARY_IMPL(equinode, FuncTorchVmapMode, m) {
  m.impl("psum", vmapped_reduce<Reduction::kSum>);
  m.impl("pmean", vmapped_reduce<Reduction::kMean>);
  m.impl("pmax", vmapped_reduce<Reduction::kMax>);
  m.impl("pmin", vmapped_reduce<Reduction::kMin>);
  m.impl("all_gather", vmapped_gather);
  m.impl("axis_index", vmapped_index);
}

TORCH_LIBRARY_IMPL(equinode, Autograd, m) {
  m.impl("psum", differentiable_reduce<Reduction::kSum>);
  m.impl("pmean", differentiable_reduce<Reduction::kMean>);
  m.impl("pmax", differentiable_reduce<Reduction::kMax>);
  m.impl("pmin", differentiable_reduce<Reduction::kMin>);
  m.impl("all_gather", differentiable_gather);
}

}  // namespace

}  // namespace equinode::transform
