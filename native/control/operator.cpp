// The operator that every piece of control flow is, and its kernels. See NOTE [control flow] in native/trace/form.h.
#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/PlumbingHelper.h>
#include <ATen/functorch/TensorWrapper.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/library.h>

#include <algorithm>
#include <memory>
#include <unordered_set>
#include <utility>

#include "native/base/error.h"
#include "native/control/control_form.h"
#include "native/core/dispatch.h"
#include "native/trace/recorder.h"
#include "native/transform/grad.h"
#include "native/transform/level.h"

namespace equinode::control {

namespace {

using torch::autograd::Node;
using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

FormPointer form_at(int64_t id) { return std::dynamic_pointer_cast<const ControlForm>(trace::form_of(id)); }

std::vector<at::Tensor> run_control(at::TensorList inputs, int64_t id) {
  const FormPointer form = form_at(id);
  std::vector<at::Tensor> results = trace::is_sketching() ? form->sketch(inputs.vec()) : form->run(inputs.vec());
  // A loop of no steps gives what it got. The tape needs an object of its own for every result.
  std::unordered_set<const c10::TensorImpl*> known;
  for (const at::Tensor& input : inputs) known.insert(input.unsafeGetTensorImpl());
  for (at::Tensor& result : results) {
    if (!known.insert(result.unsafeGetTensorImpl()).second) result = result.alias();
  }
  return results;
}

std::vector<at::Tensor> batch_control(at::TensorList inputs, int64_t id) {
  const FormPointer form = form_at(id);
  const transform::Layer layer = transform::top_layer();
  require(layer.kind == transform::LayerKind::kVmap, kTransform, form->name(), ": no vmap is active");
  const int64_t level = layer.level;
  const c10::impl::ExcludeDispatchKeyGuard below(
      c10::DispatchKeySet({c10::DispatchKey::FuncTorchVmapMode, c10::DispatchKey::FuncTorchBatched}));
  std::vector<at::Tensor> values;
  std::vector<bool> mask;
  bool is_batched = false;
  for (const at::Tensor& input : inputs) {
    const auto [value, axis] = at::functorch::unwrapTensorAtLevel(input, level);
    mask.push_back(axis.has_value());
    values.push_back(axis.has_value() ? value.movedim(*axis, 0) : value);
    is_batched = is_batched || axis.has_value();
  }
  // A body may reduce over a named axis even where none of its inputs differs along it.
  if (!is_batched && layer.axis.empty()) return call_form(*form, values);
  const Batched batched = form->batched(std::move(values), std::move(mask), {layer.axis, layer.size});
  std::vector<at::Tensor> results = call_form(*batched.form, batched.inputs);
  for (size_t i = 0; i < results.size(); ++i) {
    if (batched.axes[i] >= 0) results[i] = at::functorch::makeBatched(results[i], batched.axes[i], level);
  }
  return results;
}

// The place of control flow on autograd's tape: that of a Grad layer, or libtorch's own.
class ControlNode : public Node {
 public:
  ControlNode(Vjp vjp, const std::vector<at::Tensor>& inputs, const std::vector<bool>& by) : vjp_(std::move(vjp)) {
    const transform::Layer layer = transform::top_layer();
    if (layer.kind == transform::LayerKind::kGrad) {
      level_ = layer.level;
      alive_ = at::functorch::getLifeHandleForLevel(level_);
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (by[i]) positions_.push_back(static_cast<int64_t>(i));
    }
    inputs_.resize(inputs.size());
    for (const Source& source : vjp_.sources) {
      if (source.kind != Source::Kind::kInput && source.kind != Source::Kind::kZeros) continue;
      inputs_[source.index] = SavedVariable(inputs[source.index], /*is_output=*/false);
    }
  }

  std::string name() const override { return "ControlBackward"; }

  const std::vector<bool>& active() const { return vjp_.active; }
  size_t results() const { return vjp_.results; }

  // Called once the results have their history.
  void save(const std::vector<at::Tensor>& results) {
    for (size_t i = 0; i < results.size(); ++i) {
      if (vjp_.active[i]) shapes_.push_back({results[i].sizes().vec(), results[i].options().requires_grad(false)});
      if (i >= vjp_.results) saved_.emplace_back(results[i], /*is_output=*/static_cast<bool>(vjp_.active[i]));
    }
  }

  variable_list apply(variable_list&& cotangents) override {
    const auto self = c10::intrusive_ptr<Node>::unsafe_reclaim_from_nonowning(this);
    std::vector<at::Tensor> inputs;
    for (const Source& source : vjp_.sources) {
      switch (source.kind) {
        case Source::Kind::kInput:
          inputs.push_back(inputs_[source.index].unpack());
          break;
        case Source::Kind::kSaved:
          inputs.push_back(saved_[source.index].unpack(self));
          break;
        case Source::Kind::kZeros:
          inputs.push_back(at::zeros_like(inputs_[source.index].unpack(), at::MemoryFormat::Contiguous));
          break;
        default:
          inputs.push_back(cotangent(cotangents, source.index));
      }
    }
    const std::vector<at::Tensor> results = run_backward(std::move(inputs));
    std::vector<at::Tensor> by_input(inputs_.size());
    for (size_t i = 0; i < results.size(); ++i) {
      if (vjp_.gradients[i] >= 0) by_input[static_cast<size_t>(vjp_.gradients[i])] = results[i];
    }
    variable_list gradients;
    for (const int64_t position : positions_) gradients.push_back(by_input[static_cast<size_t>(position)]);
    return gradients;
  }

  void release_variables() override {
    for (SavedVariable& saved : inputs_) saved.reset_data();
    for (SavedVariable& saved : saved_) saved.reset_data();
  }

 private:
  struct Shape {
    std::vector<int64_t> sizes;
    at::TensorOptions options;
  };

  // A layer differentiates once. Its backward pass belongs to the levels outside: where those, or libtorch's own tape,
  // may record it, grad mode is on, and the layer would differentiate it again, callbacks too.
  std::vector<at::Tensor> run_backward(std::vector<at::Tensor> inputs) const {
    const bool in_level = alive_ != nullptr && *alive_ && transform::top_layer().level == level_;
    if (!in_level) return call_form(*vjp_.backward, inputs);
    for (at::Tensor& input : inputs) input = transform::unwrap_ended(input, level_);
    std::vector<at::Tensor> results;
    {
      const transform::LoweredContext lowered;
      results = call_form(*vjp_.backward, inputs);
    }
    for (at::Tensor& result : results) result = at::functorch::makeTensorWrapper(result, level_);
    return results;
  }

  at::Tensor cotangent(const variable_list& cotangents, size_t index) const {
    if (cotangents[index].defined()) return cotangents[index];
    return at::zeros(shapes_[index].sizes, shapes_[index].options);
  }

  Vjp vjp_;
  // Of the Grad layer, and whether it is still there.
  int64_t level_ = 0;
  std::shared_ptr<bool> alive_;
  std::vector<int64_t> positions_;
  std::vector<SavedVariable> inputs_;
  std::vector<SavedVariable> saved_;
  std::vector<Shape> shapes_;
};

variable_list differentiated(const std::vector<at::Tensor>& inputs, const std::vector<bool>& by) {
  variable_list chosen;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (by[i]) chosen.push_back(inputs[i]);
  }
  return chosen;
}

// Whether what a backward pass computes may be differentiated itself.
bool is_differentiated_again() {
  return transform::has_derivative_below(transform::depth()) ||
         (core::requires_grad_was_used() && transform::grad_mode_outside());
}

bool has_tangent(const at::Tensor& tensor) { return tensor._fw_grad(/*level=*/0).defined(); }

std::vector<at::Tensor> push_forward(const ControlForm& form, const std::vector<at::Tensor>& inputs,
                                     const std::vector<bool>& with) {
  const Jvp jvp = form.jvp(inputs, with);
  std::vector<at::Tensor> all;
  for (const Source& source : jvp.sources) {
    const at::Tensor& input = inputs[source.index];
    switch (source.kind) {
      case Source::Kind::kTangent:
        all.push_back(input._fw_grad(/*level=*/0));
        break;
      case Source::Kind::kZeros:
        all.push_back(at::zeros_like(input, at::MemoryFormat::Contiguous));
        break;
      default:
        all.push_back(input);
    }
  }
  std::vector<at::Tensor> both;
  {
    at::AutoDispatchBelowADInplaceOrView below;
    both = call_form(*jvp.form, all);
  }
  std::vector<at::Tensor> results;
  for (size_t i = 0; i < jvp.primals.size(); ++i) {
    results.push_back(both[jvp.primals[i]]);
    if (jvp.tangents[i] < 0) continue;
    results.back()._set_fw_grad(both[static_cast<size_t>(jvp.tangents[i])], /*level=*/0, /*is_inplace_op=*/false);
  }
  return results;
}

std::vector<at::Tensor> differentiate_control(at::TensorList list, int64_t id) {
  const FormPointer form = form_at(id);
  const std::vector<at::Tensor> inputs = list.vec();
  std::vector<bool> by;
  std::vector<bool> with;
  for (const at::Tensor& input : inputs) {
    by.push_back(c10::GradMode::is_enabled() && input.requires_grad());
    with.push_back(has_tangent(input));
  }
  const auto any = [](const std::vector<bool>& mask) {
    return std::find(mask.begin(), mask.end(), true) != mask.end();
  };
  if (any(with)) return push_forward(*form, inputs, with);
  if (!any(by)) {
    at::AutoDispatchBelowADInplaceOrView below;
    return call_form(*form, inputs);
  }
  Vjp vjp = form->vjp(inputs, by, is_differentiated_again());
  std::vector<at::Tensor> results;
  {
    at::AutoDispatchBelowADInplaceOrView below;
    results = call_form(*vjp.forward, inputs);
  }
  const auto node = c10::make_intrusive<ControlNode>(std::move(vjp), inputs, by);
  node->set_next_edges(torch::autograd::collect_next_edges(differentiated(inputs, by)));
  const std::vector<bool>& active = node->active();
  for (size_t i = 0; i < results.size(); ++i) {
    if (active[i]) torch::autograd::set_history(results[i], node);
  }
  node->save(results);
  results.resize(node->results());
  return results;
}

TORCH_LIBRARY_FRAGMENT(equinode, m) { m.def("control(Tensor[] inputs, int form) -> Tensor[]"); }
TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) { m.impl("control", run_control); }
// Where no input is a tensor, dispatch has nothing else to go by.
TORCH_LIBRARY_IMPL(equinode, BackendSelect, m) { m.impl("control", run_control); }
TORCH_LIBRARY_IMPL(equinode, FuncTorchVmapMode, m) { m.impl("control", batch_control); }
TORCH_LIBRARY_IMPL(equinode, Autograd, m) { m.impl("control", differentiate_control); }

}  // namespace

std::vector<at::Tensor> call_form(const ControlForm& form, const std::vector<at::Tensor>& inputs) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("equinode::control", "")
                             .typed<std::vector<at::Tensor>(at::TensorList, int64_t)>();
  return op.call(inputs, form.id());
}

}  // namespace equinode::control
