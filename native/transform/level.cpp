#include "native/transform/level.h"

#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/TensorWrapper.h>
#include <c10/core/GradMode.h>

#include <utility>

namespace equinode::transform {

namespace functorch = at::functorch;

namespace {

// The grad mode that each layer of this thread found when it was pushed.
thread_local std::vector<bool> found_grad_modes;

}  // namespace

int64_t push_vmap(int64_t size) {
  found_grad_modes.push_back(c10::GradMode::is_enabled());
  return functorch::initAndPushDynamicLayer(functorch::TransformType::Vmap, c10::SymInt(size),
                                            functorch::RandomnessType::Error);
}

int64_t push_grad() {
  const bool grad_mode = c10::GradMode::is_enabled();
  found_grad_modes.push_back(grad_mode);
  const int64_t level =
      functorch::initAndPushDynamicLayer(functorch::TransformType::Grad, std::nullopt, std::nullopt, grad_mode);
  c10::GradMode::set_enabled(true);
  return level;
}

int64_t depth() { return static_cast<int64_t>(functorch::getDynamicLayerStack().size()); }

void unwind(int64_t wanted) {
  while (depth() > wanted) {
    functorch::popDynamicLayerAndDeleteMetadata();
    if (!found_grad_modes.empty()) {
      c10::GradMode::set_enabled(found_grad_modes.back());
      found_grad_modes.pop_back();
    }
  }
}

bool has_outer_derivative() {
  const auto& stack = functorch::getDynamicLayerStack();
  for (size_t i = 0; i + 1 < stack.size(); ++i) {
    const auto kind = stack[i].key();
    if (kind == functorch::TransformType::Grad || kind == functorch::TransformType::Jvp) return true;
  }
  return false;
}

bool grad_mode_outside() {
  return found_grad_modes.empty() ? c10::GradMode::is_enabled() : static_cast<bool>(found_grad_modes.front());
}

CleanContext::CleanContext()
    : layers_(functorch::getDynamicLayerStack()),
      grad_modes_(std::exchange(found_grad_modes, {})),
      grad_mode_(c10::GradMode::is_enabled()) {
  functorch::setDynamicLayerStack({});
  functorch::setDynamicLayerFrontBackKeysIncluded(false);
  c10::GradMode::set_enabled(false);
}

CleanContext::~CleanContext() {
  unwind(0);
  if (!layers_.empty()) {
    functorch::setDynamicLayerStack(layers_);
    functorch::setDynamicLayerFrontBackKeysIncluded(true);
  }
  found_grad_modes = std::move(grad_modes_);
  c10::GradMode::set_enabled(grad_mode_);
}

std::string layers_of(const at::Tensor& tensor) {
  std::string names;
  at::Tensor inner = tensor;
  while (inner.defined()) {
    const char* name = nullptr;
    if (const auto* batched = functorch::maybeGetBatchedImpl(inner)) {
      name = "vmap";
      inner = batched->value();
    } else if (const auto* wrapper = functorch::maybeGetTensorWrapper(inner)) {
      if (wrapper->is_alive()) name = "grad";
      inner = at::Tensor(wrapper->value());
    } else {
      break;
    }
    if (name == nullptr) continue;
    if (!names.empty()) names += ", ";
    names += name;
  }
  return names;
}

}  // namespace equinode::transform
