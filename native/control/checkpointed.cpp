#include "native/control/checkpointed.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "native/base/carried.h"
#include "native/base/error.h"
#include "native/control/checkpoint_schedule.h"
#include "native/control/graph_parts.h"
#include "native/control/no_backward.h"
#include "native/trace/passes.h"

namespace equinode::control {

namespace jit = torch::jit;

namespace {

std::vector<at::Tensor> joined(std::vector<at::Tensor> one, const std::vector<at::Tensor>& other) {
  one.insert(one.end(), other.begin(), other.end());
  return one;
}

bool goes_on(const at::Tensor& truth) { return (truth.dim() == 0 ? truth : truth.any()).item<bool>(); }

// The step before which the carries were, as a program of all inputs: see LoopParts.
ProgramPointer turn_program(const LoopParts& loop, const std::vector<bool>& by,
                            const std::vector<at::Tensor>& examples) {
  std::vector<bool> accumulate(by.size(), false);
  for (size_t i = 0; i < by.size(); ++i) accumulate[i] = by[i] && loop.is_body_const(i);
  const VjpProgram vjp = vjp_program(*loop.body, loop.of_body(examples), loop.of_body(by), loop.of_body(accumulate));
  const jit::Graph& joint = vjp.joint->graph();

  const auto graph = std::make_shared<jit::Graph>();
  std::vector<jit::Value*> inputs;
  for (size_t i = 0; i < loop.inputs(); ++i) inputs.push_back(graph->addInput()->setType(c10::TensorType::get()));
  for (size_t i = 0; i < loop.cond->graph().inputs().size(); ++i) {
    loop.of_cond(inputs)[i]->setType(loop.cond->graph().inputs()[i]->type());
  }
  std::vector<jit::Value*> taken = loop.of_body(inputs);
  for (size_t i = 0; i < taken.size(); ++i) taken[i]->setType(joint.inputs()[i]->type());
  // What each gradient is made from, or added to.
  std::vector<jit::Value*> before;
  for (size_t i = 0; i < by.size(); ++i) {
    if (!by[i]) continue;
    before.push_back(graph->addInput()->setType(inputs[i]->type()));
    if (i >= loop.carries || vjp.active[i]) taken.push_back(before.back());
  }
  jit::Value* mask = loop.rank > 0 ? jit::insertGraph(*graph, loop.cond->graph(), loop.of_cond(inputs))[0] : nullptr;
  const auto values = jit::insertGraph(*graph, vjp.joint->graph(), taken);
  for (size_t i = 0; i < before.size(); ++i) {
    jit::Value* gradient = values[loop.carries + i];
    graph->registerOutput(mask == nullptr ? gradient : select(*graph, mask, gradient, before[i], loop.rank));
  }
  trace::optimise(graph);
  auto forms = vjp.joint->forms();
  forms.insert(forms.end(), loop.cond->forms().begin(), loop.cond->forms().end());
  return std::make_shared<const trace::Program>(graph, forms);
}

constexpr const char* kAgain =
    "expected one derivative of a loop of kind 'checkpointed', which must be the backward one, got another. Use "
    "{ kind: 'bounded' } with `maxSteps`, or scan.";

bool is_inexact(const at::Tensor& tensor) { return tensor.is_floating_point() || tensor.is_complex(); }

}  // namespace

CheckpointedForward::CheckpointedForward(LoopParts loop) : loop_(std::move(loop)), step_(step_program(loop_)) {}

std::vector<at::Tensor> CheckpointedForward::sketch(const std::vector<at::Tensor>& inputs) const {
  std::vector<at::Tensor> results;
  for (size_t i = 0; i < loop_.carries; ++i) {
    results.push_back(example_of(inputs[i]).clone(at::MemoryFormat::Contiguous));
  }
  results.push_back(at::zeros({loop_.checkpoints + 1}, at::kLong));
  for (size_t i = 0; i < loop_.carries; ++i) {
    results.push_back(repeated(results[i], loop_.checkpoints).clone(at::MemoryFormat::Contiguous));
  }
  return results;
}

std::vector<at::Tensor> CheckpointedForward::run(const std::vector<at::Tensor>& inputs) const {
  std::vector<at::Tensor> state = inputs;
  std::vector<at::Tensor> kept;
  for (size_t i = 0; i < loop_.carries; ++i) {
    std::vector<int64_t> sizes = inputs[i].sizes().vec();
    sizes.insert(sizes.begin(), loop_.checkpoints);
    kept.push_back(at::empty(sizes, inputs[i].options()));
  }
  ForwardSchedule schedule(loop_.checkpoints, loop_.max_steps);
  int64_t step = 0;
  bool more = goes_on(loop_.cond->run_below(loop_.of_cond(inputs))[0]);
  for (; more && step != loop_.max_steps; ++step) {
    const int64_t place = schedule.place_for(step);
    for (size_t i = 0; place >= 0 && i < loop_.carries; ++i) kept[i].select(0, place).copy_(state[i]);
    std::vector<at::Tensor> next = step_->run_below(state);
    more = goes_on(next.back());
    std::copy(next.begin(), next.end() - 1, state.begin());
  }
  // The way back takes the kept carries as a stack, so they are put in their order.
  std::vector<int64_t> order(static_cast<size_t>(loop_.checkpoints));
  std::iota(order.begin(), order.end(), 0);
  const std::vector<int64_t>& steps = schedule.steps();
  std::sort(order.begin(), order.end(), [&](int64_t one, int64_t other) {
    return steps[static_cast<size_t>(one)] < steps[static_cast<size_t>(other)];
  });
  std::vector<int64_t> counts{step};
  for (const int64_t place : order) counts.push_back(steps[static_cast<size_t>(place)]);
  std::vector<at::Tensor> results(state.begin(), state.begin() + static_cast<int64_t>(loop_.carries));
  results.push_back(at::tensor(counts, at::kLong));
  const bool is_sorted = std::is_sorted(order.begin(), order.end());
  const at::Tensor rows = at::tensor(order, at::kLong);
  for (const at::Tensor& buffer : kept) {
    results.push_back(is_sorted ? buffer : buffer.index_select(0, rows.to(buffer.device())));
  }
  return results;
}

Batched CheckpointedForward::batched(std::vector<at::Tensor> values, std::vector<bool> mask,
                                     const transform::NamedAxis& axis) const {
  const std::vector<bool> given = mask;
  Batched batched;
  batched.form = std::make_shared<const CheckpointedForward>(batch_loop(loop_, values, mask, axis));
  for (size_t i = 0; i < values.size(); ++i) {
    batched.inputs.push_back(mask[i] && !given[i] ? repeated(values[i], axis.size) : values[i]);
  }
  for (size_t i = 0; i < loop_.carries; ++i) batched.axes.push_back(mask[i] ? 0 : -1);
  batched.axes.push_back(-1);
  for (size_t i = 0; i < loop_.carries; ++i) batched.axes.push_back(mask[i] ? 1 : -1);
  return batched;
}

Vjp CheckpointedForward::vjp(const std::vector<at::Tensor>& inputs, const std::vector<bool>&, bool) const {
  std::vector<bool> active;
  for (size_t i = 0; i < loop_.carries; ++i) active.push_back(is_inexact(inputs[i]));
  active.push_back(false);
  for (size_t i = 0; i < loop_.carries; ++i) active.push_back(is_inexact(inputs[i]));
  return without_backward(std::static_pointer_cast<const ControlForm>(shared_from_this()), std::move(active), kAgain);
}

Jvp CheckpointedForward::jvp(const std::vector<at::Tensor>&, const std::vector<bool>&) const {
  throw_carried(Error(kTransform, name(), kAgain));
}

CheckpointedBackward::CheckpointedBackward(LoopParts loop, std::vector<bool> by,
                                           const std::vector<at::Tensor>& examples)
    : loop_(std::move(loop)),
      by_(std::move(by)),
      step_(step_program(loop_)),
      turn_(turn_program(loop_, by_, examples)) {}

std::vector<at::Tensor> CheckpointedBackward::consts_of(const std::vector<at::Tensor>& inputs) const {
  const auto first = inputs.begin() + static_cast<int64_t>(loop_.carries + 1);
  return {first, first + static_cast<int64_t>(loop_.inputs() - loop_.carries)};
}

std::vector<at::Tensor> CheckpointedBackward::cotangents_of(const std::vector<at::Tensor>& inputs) const {
  return {inputs.begin() + static_cast<int64_t>(loop_.inputs() + 1), inputs.end()};
}

std::vector<at::Tensor> CheckpointedBackward::sums(const std::vector<at::Tensor>& consts) const {
  std::vector<at::Tensor> zeros;
  for (size_t i = loop_.carries; i < by_.size(); ++i) {
    if (by_[i]) zeros.push_back(at::zeros_like(consts[i - loop_.carries], at::MemoryFormat::Contiguous));
  }
  return zeros;
}

std::vector<at::Tensor> CheckpointedBackward::sketch(const std::vector<at::Tensor>& inputs) const {
  std::vector<at::Tensor> results;
  for (const at::Tensor& cotangent : cotangents_of(inputs)) {
    results.push_back(example_of(cotangent).clone(at::MemoryFormat::Contiguous));
  }
  return joined(std::move(results), sums(consts_of(inputs)));
}

std::vector<at::Tensor> CheckpointedBackward::run(const std::vector<at::Tensor>& inputs) const {
  const at::Tensor counts = inputs[0].cpu().contiguous();
  const int64_t* numbers = counts.const_data_ptr<int64_t>();
  const std::vector<int64_t> steps(numbers + 1, numbers + counts.numel());
  const std::vector<at::Tensor> consts = consts_of(inputs);
  std::vector<std::vector<at::Tensor>> kept(steps.size());
  for (size_t place = 0; place < steps.size(); ++place) {
    for (size_t i = 0; i < loop_.carries; ++i) {
      kept[place].push_back(inputs[i + 1].select(0, static_cast<int64_t>(place)));
    }
  }
  std::vector<at::Tensor> carries;
  std::vector<at::Tensor> gradients = joined(cotangents_of(inputs), sums(consts));
  const BackwardActions actions{
      [&](int64_t place) { carries = kept[static_cast<size_t>(place)]; },
      [&](int64_t place) { kept[static_cast<size_t>(place)] = carries; },
      [&](int64_t) {
        carries = step_->run_below(joined(carries, consts));
        carries.pop_back();
      },
      [&](int64_t) { gradients = turn_->run_below(joined(joined(carries, consts), gradients)); },
  };
  run_backward(numbers[0], steps, loop_.max_steps, actions);
  return gradients;
}

Batched CheckpointedBackward::batched(std::vector<at::Tensor> values, std::vector<bool> given,
                                      const transform::NamedAxis& axis) const {
  // What the loop's inputs are here: the first of the kept carries, and what it closes over.
  std::vector<at::Tensor> examples;
  std::vector<bool> mask;
  for (size_t i = 0; i < loop_.carries; ++i) {
    if (given[i + 1]) values[i + 1] = values[i + 1].movedim(0, 1);
    examples.push_back(example_slice(values[i + 1]));
    mask.push_back(given[i + 1]);
  }
  for (size_t i = loop_.carries; i < loop_.inputs(); ++i) {
    examples.push_back(example_of(values[i + 1]));
    mask.push_back(given[i + 1]);
  }
  const std::vector<bool> found = mask;
  // Every element has a gradient of its own.
  for (size_t i = 0; i < mask.size(); ++i) {
    if (!by_[i] || mask[i]) continue;
    examples[i] = repeated(examples[i], axis.size);
    mask[i] = true;
  }
  std::vector<bool> all = mask;
  LoopParts loop = batch_loop(loop_, examples, all, axis);
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i] && !mask[i]) examples[i] = repeated(examples[i], axis.size);
    if (!all[i] || found[i]) continue;
    values[i + 1] =
        i < loop_.carries ? repeated(values[i + 1], axis.size).movedim(0, 1) : repeated(values[i + 1], axis.size);
  }
  for (size_t i = loop_.inputs() + 1; i < values.size(); ++i) {
    if (!given[i]) values[i] = repeated(values[i], axis.size);
  }
  Batched batched;
  batched.form = std::make_shared<const CheckpointedBackward>(std::move(loop), by_, examples);
  batched.inputs = std::move(values);
  batched.axes.assign(count(by_), 0);
  return batched;
}

Vjp CheckpointedBackward::vjp(const std::vector<at::Tensor>&, const std::vector<bool>&, bool) const {
  return without_backward(std::static_pointer_cast<const ControlForm>(shared_from_this()),
                          std::vector<bool>(count(by_), true), kAgain);
}

Jvp CheckpointedBackward::jvp(const std::vector<at::Tensor>&, const std::vector<bool>&) const {
  throw_carried(Error(kTransform, name(), kAgain));
}

}  // namespace equinode::control
