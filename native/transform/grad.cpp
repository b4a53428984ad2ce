#include "native/transform/grad.h"

#include <ATen/ATen.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/TensorWrapper.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

#include "native/base/scope.h"

namespace equinode::transform {

namespace functorch = at::functorch;

at::Tensor wrap_grad(const at::Tensor& tensor, int64_t level) {
  at::Tensor wrapped = functorch::makeTensorWrapper(tensor, level);
  const bool allowed = functorch::getInplaceRequiresGradAllowed();
  functorch::setInplaceRequiresGradAllowed(true);
  ScopeExit restore([allowed] { functorch::setInplaceRequiresGradAllowed(allowed); });
  wrapped.requires_grad_();
  return wrapped;
}

bool is_wrapped(const at::Tensor& tensor, int64_t level) {
  const auto* wrapper = functorch::maybeGetTensorWrapper(tensor);
  return wrapper != nullptr && wrapper->level() == level;
}

at::Tensor unwrap_grad(const at::Tensor& tensor, int64_t level) {
  return is_wrapped(tensor, level) ? functorch::maybeGetTensorWrapper(tensor)->value() : tensor;
}

std::vector<at::Tensor> gradients(const at::Tensor& output, const std::vector<at::Tensor>& inputs, int64_t level,
                                  bool create_graph) {
  std::vector<at::Tensor> grads(inputs.size());
  if (output.requires_grad() && !inputs.empty()) {
    grads = torch::autograd::grad({output}, inputs, {}, create_graph, create_graph, /*allow_unused=*/true);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    grads[i] = unwrap_grad(grads[i].defined() ? grads[i] : at::zeros_like(inputs[i]), level);
  }
  return grads;
}

at::Tensor unwrap_ended(const at::Tensor& tensor, int64_t level) {
  const auto* wrapper = functorch::maybeGetTensorWrapper(tensor);
  if (wrapper == nullptr) return tensor;
  if (!wrapper->is_alive()) return unwrap_ended(wrapper->value(), level);
  return wrapper->level() == level ? wrapper->value() : tensor;
}

std::vector<at::Tensor> pull_back(const std::vector<at::Tensor>& outputs, const std::vector<at::Tensor>& cotangents,
                                  const std::vector<at::Tensor>& inputs, int64_t level, bool create_graph) {
  std::vector<at::Tensor> roots;
  std::vector<at::Tensor> seeds;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!cotangents[i].defined() || !outputs[i].requires_grad()) continue;
    roots.push_back(outputs[i]);
    seeds.push_back(cotangents[i]);
  }
  std::vector<at::Tensor> grads(inputs.size());
  if (roots.empty() || inputs.empty()) return grads;
  grads = torch::autograd::grad(roots, inputs, seeds, /*retain_graph=*/true, create_graph, /*allow_unused=*/true);
  for (at::Tensor& grad : grads) {
    if (grad.defined()) grad = unwrap_ended(grad, level);
  }
  return grads;
}

}  // namespace equinode::transform
