#include "native/trace/forward_decompositions.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/runtime/decomposition_registry.h>

#include <mutex>
#include <string>

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

// The functions are named for the operators. Statistics of normalisations are computed anew from the input, so that
// derivatives see how they depend on it.
constexpr const char* kSource = R"(
def _softmax_backward_data(grad_output: Tensor, output: Tensor, dim: int, input_dtype: int) -> Tensor:
    product = grad_output * output
    return (product - output * product.sum([dim], True)).to(dtype=input_dtype)

def _log_softmax_backward_data(grad_output: Tensor, output: Tensor, dim: int, input_dtype: int) -> Tensor:
    return (grad_output - output.exp() * grad_output.sum([dim], True)).to(dtype=input_dtype)

def log_sigmoid_forward(self: Tensor) -> Tuple[Tensor, Tensor]:
    z = torch.exp(-torch.abs(self))
    return torch.minimum(self, torch.zeros_like(self)) - torch.log1p(z), z

def nll(grad_output: Tensor, self: Tensor, target: Tensor, weight: Optional[Tensor], reduction: int,
        ignore_index: int, total_weight: Tensor) -> Tensor:
    channel = 0 if self.dim() < 2 else 1
    grad = grad_output / total_weight if reduction == 1 else grad_output
    classes = target.unsqueeze(channel)
    counts = classes != ignore_index
    chosen = torch.where(counts, classes, torch.zeros_like(classes))
    if grad.dim() > 0 and grad.dim() < self.dim():
        grad = grad.unsqueeze(channel)
    if weight is not None:
        shape = [1] * self.dim()
        shape[channel] = weight.size(0)
        grad = grad * weight.reshape(shape)
    grad = torch.where(counts, grad, torch.zeros_like(grad))
    return torch.scatter(torch.zeros_like(self), channel, chosen, -1.0) * grad

def nll_loss_backward(grad_output: Tensor, self: Tensor, target: Tensor, weight: Optional[Tensor], reduction: int,
                      ignore_index: int, total_weight: Tensor) -> Tensor:
    return nll(grad_output, self, target, weight, reduction, ignore_index, total_weight)

def nll_loss2d_backward(grad_output: Tensor, self: Tensor, target: Tensor, weight: Optional[Tensor], reduction: int,
                        ignore_index: int, total_weight: Tensor) -> Tensor:
    return nll(grad_output, self, target, weight, reduction, ignore_index, total_weight)

def native_layer_norm_backward(grad_out: Tensor, input: Tensor, normalized_shape: List[int], mean: Tensor,
                               rstd: Tensor, weight: Optional[Tensor], bias: Optional[Tensor],
                               output_mask: List[bool]) -> Tuple[Tensor, Tensor, Tensor]:
    first = input.dim() - len(normalized_shape)
    inner: List[int] = []
    outer: List[int] = []
    for axis in range(input.dim()):
        if axis < first:
            outer.append(axis)
        else:
            inner.append(axis)
    average = input.mean(inner, True)
    centred = input - average
    variance = (centred * centred).mean(inner, True)
    eps = (1.0 / (rstd * rstd) - variance).detach()
    scale = torch.rsqrt(variance + eps)
    normed = centred * scale
    by_normed = grad_out
    if weight is not None:
        by_normed = grad_out * weight
    d_input = scale * (by_normed - by_normed.mean(inner, True) - normed * (by_normed * normed).mean(inner, True))
    d_weight = grad_out * normed
    d_bias = grad_out
    if len(outer) > 0:
        d_weight = d_weight.sum(outer)
        d_bias = d_bias.sum(outer)
    return d_input, d_weight, d_bias
)";

constexpr const char* kOperators[] = {
    "_softmax_backward_data", "_log_softmax_backward_data", "log_sigmoid_forward",
    "nll_loss_backward",      "nll_loss2d_backward",        "native_layer_norm_backward",
};

}  // namespace

void register_forward_decompositions() {
  static std::once_flag once;
  std::call_once(once, [] {
    const c10::impl::ForceDispatchKeyGuard plain(c10::default_included_set, c10::default_excluded_set);
    jit::CompilationUnit functions;
    functions.define(std::nullopt, kSource, jit::nativeResolver(), nullptr);
    for (const char* name : kOperators) {
      const auto op = c10::Dispatcher::singleton().findSchemaOrThrow((std::string("aten::") + name).c_str(), "");
      jit::RegisterDecomposition(op.schema(), jit::toGraphFunction(functions.get_function(name)).graph());
    }
  });
}

}  // namespace equinode::trace
