#include "native/transform/level.h"

#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/TensorWrapper.h>
#include <c10/core/AutogradState.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/forward_grad.h>

#include <utility>

namespace equinode::transform {

namespace functorch = at::functorch;

namespace {

// One for each layer of this thread's stack.
thread_local std::vector<Frame> frames;

// The named axes of layers that a trace put aside.
thread_local std::vector<NamedAxis> outer_axes;

// Jvp layers that are open on this thread, put aside or not: nested ones share libtorch's one dual level.
thread_local int64_t open_dual_levels = 0;

bool fw_grad_mode() { return c10::AutogradState::get_tls_state().get_fw_grad_mode(); }

void set_fw_grad_mode(bool enabled) { c10::AutogradState::get_tls_state().set_fw_grad_mode(enabled); }

void push_frame(bool is_forward, NamedAxis axis) {
  frames.push_back({c10::GradMode::is_enabled(), fw_grad_mode(), is_forward, std::move(axis)});
}

}  // namespace

int64_t push_vmap(int64_t size, std::string axis) {
  push_frame(/*is_forward=*/false, {std::move(axis), size});
  return functorch::initAndPushDynamicLayer(functorch::TransformType::Vmap, c10::SymInt(size),
                                            functorch::RandomnessType::Error);
}

int64_t push_grad() {
  push_frame(/*is_forward=*/false, {});
  const int64_t level = functorch::initAndPushDynamicLayer(functorch::TransformType::Grad, std::nullopt, std::nullopt,
                                                           frames.back().grad_mode);
  c10::GradMode::set_enabled(true);
  return level;
}

int64_t push_jvp() {
  push_frame(/*is_forward=*/true, {});
  const int64_t level = functorch::initAndPushDynamicLayer(functorch::TransformType::Jvp, std::nullopt, std::nullopt,
                                                           std::nullopt, frames.back().fw_grad_mode);
  set_fw_grad_mode(true);
  if (open_dual_levels++ == 0) torch::autograd::ForwardADLevel::get_next_idx();
  return level;
}

int64_t depth() { return static_cast<int64_t>(functorch::getDynamicLayerStack().size()); }

void unwind(int64_t wanted) {
  while (depth() > wanted) {
    functorch::popDynamicLayerAndDeleteMetadata();
    if (frames.empty()) continue;
    const Frame& frame = frames.back();
    if (frame.is_forward && --open_dual_levels == 0) torch::autograd::ForwardADLevel::release_idx(0);
    c10::GradMode::set_enabled(frame.grad_mode);
    set_fw_grad_mode(frame.fw_grad_mode);
    frames.pop_back();
  }
}

bool has_derivative_below(int64_t depth) {
  const auto& stack = functorch::getDynamicLayerStack();
  for (size_t i = 0; i < stack.size() && static_cast<int64_t>(i) + 1 < depth; ++i) {
    const auto kind = stack[i].key();
    if (kind == functorch::TransformType::Grad || kind == functorch::TransformType::Jvp) return true;
  }
  return false;
}

Layer top_layer() {
  const auto layer = functorch::maybeCurrentDynamicLayer();
  if (!layer.has_value()) return {};
  switch (layer->key()) {
    case functorch::TransformType::Vmap:
      return {LayerKind::kVmap, layer->layerId(), layer->batchSize().expect_int(), frames.back().axis.name};
    case functorch::TransformType::Grad:
      return {LayerKind::kGrad, layer->layerId(), 0, ""};
    default:
      return {LayerKind::kJvp, layer->layerId(), 0, ""};
  }
}

std::vector<NamedAxis> named_axes() {
  std::vector<NamedAxis> axes = outer_axes;
  for (const Frame& frame : frames) {
    if (!frame.axis.name.empty()) axes.push_back(frame.axis);
  }
  return axes;
}

const NamedAxis* axis_of_level(int64_t level) {
  if (level < 1 || level > static_cast<int64_t>(frames.size())) return nullptr;
  const NamedAxis& axis = frames[level - 1].axis;
  return axis.name.empty() ? nullptr : &axis;
}

bool grad_mode_outside() { return frames.empty() ? c10::GradMode::is_enabled() : frames.front().grad_mode; }

LayerState::LayerState()
    : layers_(functorch::getDynamicLayerStack()),
      frames_(frames),
      outer_axes_(outer_axes),
      grad_mode_(c10::GradMode::is_enabled()),
      fw_grad_mode_(fw_grad_mode()) {}

void LayerState::restore() const {
  functorch::setDynamicLayerStack(layers_);
  functorch::setDynamicLayerFrontBackKeysIncluded(!layers_.empty());
  frames = frames_;
  outer_axes = outer_axes_;
  c10::GradMode::set_enabled(grad_mode_);
  set_fw_grad_mode(fw_grad_mode_);
}

CleanContext::CleanContext() {
  outer_axes = named_axes();
  frames.clear();
  functorch::setDynamicLayerStack({});
  functorch::setDynamicLayerFrontBackKeysIncluded(false);
  c10::GradMode::set_enabled(false);
}

CleanContext::~CleanContext() {
  unwind(0);
  state_.restore();
}

LoweredContext::LoweredContext() {
  std::vector<functorch::DynamicLayer> below = functorch::getDynamicLayerStack();
  if (below.empty()) return;
  const Frame top = frames.back();
  below.pop_back();
  frames.pop_back();
  functorch::setDynamicLayerStack(below);
  functorch::setDynamicLayerFrontBackKeysIncluded(!below.empty());
  // As functorch does when it hands an operator to the level below.
  if (!top.grad_mode) c10::GradMode::set_enabled(false);
  if (!top.fw_grad_mode) set_fw_grad_mode(false);
}

LoweredContext::~LoweredContext() { state_.restore(); }

namespace {

bool is_forward_level(int64_t level) {
  return level <= static_cast<int64_t>(frames.size()) && frames[level - 1].is_forward;
}

}  // namespace

std::string layers_of(const at::Tensor& tensor) {
  std::string names;
  at::Tensor inner = tensor;
  while (inner.defined()) {
    const char* name = nullptr;
    if (const auto* batched = functorch::maybeGetBatchedImpl(inner)) {
      name = "vmap";
      inner = batched->value();
    } else if (const auto* wrapper = functorch::maybeGetTensorWrapper(inner)) {
      if (wrapper->is_alive()) name = is_forward_level(*wrapper->level()) ? "jvp" : "grad";
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
