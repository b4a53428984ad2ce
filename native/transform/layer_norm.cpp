// Layer normalisation under transforms that libtorch differentiates wrongly.
//
// NOTE [layer normalisation under layers]: libtorch (2.13) takes the statistics that its kernel returns for constants:
// derivatives are wrong in nested forward mode, and so is the third one in reverse mode. So under a Jvp layer, and
// under several layers of derivatives, the kernel is taken apart before any layer sees it.
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/functorch/DynamicLayer.h>
#include <torch/library.h>

#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace equinode::transform {

namespace functorch = at::functorch;

namespace {

constexpr auto kKey = c10::DispatchKey::FuncTorchDynamicLayerFrontMode;

bool is_taken_apart() {
  int64_t derivatives = 0;
  for (const functorch::DynamicLayer& layer : functorch::getDynamicLayerStack()) {
    if (layer.key() == functorch::TransformType::Jvp) return true;
    if (layer.key() == functorch::TransformType::Grad) ++derivatives;
  }
  return derivatives > 1;
}

struct Normed {
  at::Tensor result;
  at::Tensor mean;
  at::Tensor rstd;
};

std::optional<at::Tensor> optional_tensor(const c10::IValue& value) {
  return value.isNone() ? std::nullopt : std::optional(value.toTensor());
}

Normed normalise(c10::ArrayRef<c10::IValue> arguments) {
  const at::Tensor given = arguments[0].toTensor();
  const auto count = static_cast<int64_t>(arguments[1].toIntVector().size());
  const bool is_reduced = given.scalar_type() == at::kHalf || given.scalar_type() == at::kBFloat16;
  const at::Tensor input = is_reduced ? given.to(at::kFloat) : given;
  std::vector<int64_t> axes(static_cast<size_t>(count));
  std::iota(axes.begin(), axes.end(), -count);
  const at::Tensor mean = input.mean(axes, /*keepdim=*/true);
  const at::Tensor centred = input.sub(mean);
  const at::Tensor rstd = centred.square().mean(axes, /*keepdim=*/true).add(arguments[4].toDouble()).rsqrt();
  at::Tensor result = centred.mul(rstd);
  if (const auto weight = optional_tensor(arguments[2])) result = result.mul(*weight);
  if (const auto bias = optional_tensor(arguments[3])) result = result.add(*bias);
  return {result.to(given.scalar_type()), mean, rstd};
}

bool fits(c10::ArrayRef<c10::IValue> arguments) {
  const auto sizes = arguments[0].toTensor().sizes();
  const std::vector<int64_t> shape = arguments[1].toIntVector();
  return !shape.empty() && sizes.size() >= shape.size() && sizes.slice(sizes.size() - shape.size()).equals(shape) &&
         arguments[0].toTensor().is_floating_point();
}

void layered_norm(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  const size_t count = op.schema().arguments().size();
  const c10::ArrayRef<c10::IValue> arguments(stack->data() + stack->size() - count, count);
  if (!is_taken_apart() || !fits(arguments)) {
    // As for any operator.
    static const c10::SafeKernelFunction usual =
        c10::Dispatcher::singleton().findSchemaOrThrow("aten::sin", "").getComputedKernelForDispatchKey(kKey);
    usual.callBoxed(op, keys, stack);
    return;
  }
  Normed normed = normalise(arguments);
  torch::jit::drop(*stack, count);
  stack->emplace_back(std::move(normed.result));
  if (op.schema().returns().size() == 1) return;
  stack->emplace_back(std::move(normed.mean));
  stack->emplace_back(std::move(normed.rstd));
}

TORCH_LIBRARY_IMPL(aten, FuncTorchDynamicLayerFrontMode, m) {
  m.impl("layer_norm", torch::CppFunction::makeFromBoxedFunction<&layered_norm>());
  m.impl("native_layer_norm", torch::CppFunction::makeFromBoxedFunction<&layered_norm>());
}

}  // namespace

}  // namespace equinode::transform
