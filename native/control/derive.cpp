#include "native/control/derive.h"

#include <ATen/ATen.h>
#include <ATen/functorch/TensorWrapper.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "native/control/partition.h"
#include "native/control/rewire.h"
#include "native/trace/recorder.h"
#include "native/transform/grad.h"
#include "native/transform/vmap.h"

namespace equinode::control {

namespace {

// A trace inside an operator's kernel: as if no layer, no kernel and no tape were around.
struct CleanTrace {
  c10::impl::ForceDispatchKeyGuard keys{c10::default_included_set, c10::default_excluded_set};
  transform::CleanContext context;
  trace::Recorder recorder;
};

std::vector<at::Tensor> add_inputs(trace::Recorder& recorder, const std::vector<at::Tensor>& examples) {
  std::vector<at::Tensor> inputs;
  inputs.reserve(examples.size());
  for (const at::Tensor& example : examples) inputs.push_back(recorder.add_input(example));
  return inputs;
}

at::Tensor dual(const at::Tensor& primal, const at::Tensor& tangent, int64_t level) {
  return at::_make_dual(at::functorch::makeTensorWrapper(primal, level),
                        at::functorch::makeTensorWrapper(tangent, level), 0);
}

bool is_inexact(const at::Tensor& tensor) { return tensor.is_floating_point() || tensor.is_complex(); }

}  // namespace

size_t count(const std::vector<bool>& mask) { return static_cast<size_t>(std::count(mask.begin(), mask.end(), true)); }

at::Tensor example_of(const at::Tensor& tensor) {
  c10::impl::ForceDispatchKeyGuard plain(c10::default_included_set, c10::default_excluded_set);
  at::AutoDispatchBelowADInplaceOrView below;
  const auto values = trace::concrete_values(tensor);
  if (!values.has_value()) return at::zeros(tensor.sizes(), tensor.options().requires_grad(false));
  return *values;
}

at::Tensor example_slice(const at::Tensor& tensor) {
  const at::Tensor whole = example_of(tensor);
  c10::impl::ForceDispatchKeyGuard plain(c10::default_included_set, c10::default_excluded_set);
  at::AutoDispatchBelowADInplaceOrView below;
  if (whole.size(0) > 0) return whole.select(0, 0);
  return at::zeros(whole.sizes().slice(1), whole.options());
}

BatchedProgram batch_program(const trace::Program& program, const std::vector<at::Tensor>& examples,
                             const std::vector<bool>& mask, const transform::NamedAxis& axis,
                             const std::vector<bool>& forced) {
  CleanTrace trace;
  std::vector<at::Tensor> inputs = add_inputs(trace.recorder, examples);
  const int64_t level = transform::push_vmap(axis.size, axis.name);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (mask[i]) inputs[i] = transform::batch(inputs[i], 0, level);
  }
  std::vector<at::Tensor> results = program.run(std::move(inputs));
  BatchedProgram batched;
  for (size_t i = 0; i < results.size(); ++i) {
    batched.batched.push_back(transform::is_batched(results[i], level) || (i < forced.size() && forced[i]));
  }
  for (size_t i = 0; i < results.size(); ++i) {
    if (batched.batched[i]) results[i] = transform::unbatch(results[i], level, 0, axis.size);
  }
  transform::unwind(0);
  for (at::Tensor& result : results) result = result.contiguous();
  batched.program = trace.recorder.finish(results);
  return batched;
}

VjpProgram vjp_program(const trace::Program& program, const std::vector<at::Tensor>& examples,
                       const std::vector<bool>& by, const std::vector<bool>& accumulate) {
  CleanTrace trace;
  std::vector<at::Tensor> inputs = add_inputs(trace.recorder, examples);
  const int64_t level = transform::push_grad();
  std::vector<at::Tensor> wrapped;
  std::vector<at::Tensor> inside = inputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!by[i]) continue;
    inside[i] = transform::wrap_grad(inputs[i], level);
    wrapped.push_back(inside[i]);
  }
  std::vector<at::Tensor> results = program.run(std::move(inside));
  VjpProgram vjp;
  std::vector<at::Tensor> active;
  std::vector<at::Tensor> cotangents;
  for (at::Tensor& result : results) {
    const bool is_active = is_inexact(result) && transform::is_wrapped(result, level) && result.requires_grad();
    vjp.active.push_back(is_active);
    const at::Tensor plain = transform::unwrap_grad(result, level);
    if (is_active) {
      active.push_back(result);
      cotangents.push_back(trace.recorder.add_input(plain));
    }
    result = plain;
  }
  std::vector<at::Tensor> gradients(wrapped.size());
  if (!active.empty() && !wrapped.empty()) {
    gradients = torch::autograd::grad(active, wrapped, cotangents, /*retain_graph=*/false, /*create_graph=*/false,
                                      /*allow_unused=*/true);
  }
  for (at::Tensor& gradient : gradients) {
    if (gradient.defined()) gradient = transform::unwrap_grad(gradient, level);
  }
  transform::unwind(0);
  size_t next = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!by[i]) continue;
    at::Tensor& gradient = gradients[next++];
    if (accumulate[i]) {
      const at::Tensor sum = trace.recorder.add_input(inputs[i]);
      gradient = gradient.defined() ? sum.add(gradient) : sum;
    } else if (!gradient.defined()) {
      gradient = at::zeros_like(inputs[i]);
    }
  }
  for (const at::Tensor& gradient : gradients) results.push_back(gradient);
  for (at::Tensor& result : results) result = result.contiguous();
  vjp.joint = trace.recorder.finish(results);
  return vjp;
}

ProgramPointer primal_part(const trace::Program& program, const VjpProgram& derivative) {
  const size_t inputs = program.graph().inputs().size();
  const size_t results = program.graph().outputs().size();
  const std::vector<bool> all(inputs, true);
  const Partition parts = partition(*derivative.joint, inputs, results, all, all);
  std::vector<size_t> takes;
  std::vector<Wire> wires;
  for (size_t i = 0; i < inputs; ++i) takes.push_back(i);
  for (size_t i = 0; i < results; ++i) wires.push_back({false, i});
  return rewire(*parts.early, inputs, takes, wires);
}

JvpProgram jvp_program(const trace::Program& program, const std::vector<at::Tensor>& examples,
                       const std::vector<bool>& with, const std::vector<bool>& forced) {
  CleanTrace trace;
  std::vector<at::Tensor> inputs = add_inputs(trace.recorder, examples);
  std::vector<at::Tensor> tangents;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (with[i]) tangents.push_back(trace.recorder.add_input(inputs[i]));
  }
  const int64_t level = transform::push_jvp();
  std::vector<at::Tensor> inside = inputs;
  for (size_t i = 0, next = 0; i < inputs.size(); ++i) {
    if (with[i]) inside[i] = dual(inputs[i], tangents[next++], level);
  }
  std::vector<at::Tensor> results = program.run(std::move(inside));
  JvpProgram jvp;
  std::vector<at::Tensor> found;
  for (size_t i = 0; i < results.size(); ++i) {
    at::Tensor tangent;
    if (transform::is_wrapped(results[i], level)) {
      const at::Tensor& forward = results[i]._fw_grad(0);
      if (forward.defined()) tangent = transform::unwrap_grad(forward, level);
      results[i] = transform::unwrap_grad(results[i], level);
    }
    jvp.active.push_back(is_inexact(results[i]) && (tangent.defined() || (i < forced.size() && forced[i])));
    if (jvp.active[i]) found.push_back(tangent);
  }
  transform::unwind(0);
  for (size_t i = 0, next = 0; i < jvp.active.size(); ++i) {
    if (!jvp.active[i]) continue;
    at::Tensor& tangent = found[next++];
    results.push_back(tangent.defined() ? tangent : at::zeros_like(results[i]));
  }
  for (at::Tensor& result : results) result = result.contiguous();
  jvp.program = trace.recorder.finish(results);
  return jvp;
}

}  // namespace equinode::control
