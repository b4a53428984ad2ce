#include "native/control/while_loop.h"

#include <ATen/ATen.h>

#include <limits>

#include "native/base/carried.h"
#include "native/base/error.h"
#include "native/control/checkpointed.h"
#include "native/control/graph_parts.h"
#include "native/control/no_backward.h"
#include "native/control/rewire.h"
#include "native/trace/passes.h"

namespace equinode::control {

namespace jit = torch::jit;

namespace {

// Inserts a step: the new carries, then the truth values after it.
std::vector<jit::Value*> insert_step(jit::Graph& graph, const LoopParts& loop, std::vector<jit::Value*> inputs,
                                     jit::Value* goes_on) {
  std::vector<jit::Value*> carries = jit::insertGraph(graph, loop.body->graph(), loop.of_body(inputs));
  for (size_t i = 0; i < loop.carries; ++i) {
    if (loop.rank > 0) carries[i] = select(graph, goes_on, carries[i], inputs[i], loop.rank);
    inputs[i] = carries[i];
  }
  carries.push_back(jit::insertGraph(graph, loop.cond->graph(), loop.of_cond(inputs))[0]);
  return carries;
}

std::vector<at::Tensor> examples_of(const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> examples;
  for (const at::Tensor& input : inputs) examples.push_back(example_of(input));
  return examples;
}

std::vector<std::shared_ptr<const trace::Form>> forms_of(const LoopParts& loop) {
  auto forms = loop.cond->forms();
  forms.insert(forms.end(), loop.body->forms().begin(), loop.body->forms().end());
  return forms;
}

}  // namespace

at::Tensor repeated(const at::Tensor& value, int64_t size) {
  std::vector<int64_t> sizes = value.sizes().vec();
  sizes.insert(sizes.begin(), size);
  return value.unsqueeze(0).expand(sizes);
}

LoopParts batch_loop(const LoopParts& loop, const std::vector<at::Tensor>& given, std::vector<bool>& mask,
                     const transform::NamedAxis& axis) {
  std::vector<at::Tensor> examples = examples_of(given);
  LoopParts batched = loop;
  const auto extend = [&](size_t i) {
    if (mask[i]) return;
    examples[i] = repeated(examples[i], axis.size);
    mask[i] = true;
  };
  while (true) {
    const bool has_rank = loop.rank > 0;
    const BatchedProgram cond = batch_program(*loop.cond, loop.of_cond(examples), loop.of_cond(mask), axis, {has_rank});
    const bool choose_each = cond.batched[0];
    for (size_t i = 0; i < mask.size(); ++i) {
      // A gradient must not see what a finished element goes on to compute, so every element has its own.
      const bool is_differentiable = loop.checkpoints > 0 && loop.is_body_const(i);
      if (choose_each && (i < loop.carries || is_differentiable)) extend(i);
    }
    const std::vector<bool> forced(mask.begin(), mask.begin() + static_cast<int64_t>(loop.carries));
    const BatchedProgram body = batch_program(*loop.body, loop.of_body(examples), loop.of_body(mask), axis, forced);
    bool is_stable = true;
    for (size_t i = 0; i < loop.carries; ++i) {
      if (!body.batched[i] || mask[i]) continue;
      extend(i);
      is_stable = false;
    }
    // The condition may depend on what became batched.
    if (!is_stable) continue;
    const BatchedProgram again =
        batch_program(*loop.cond, loop.of_cond(examples), loop.of_cond(mask), axis, {has_rank});
    if (again.batched[0] != choose_each) continue;
    batched.cond = again.program;
    batched.body = body.program;
    batched.rank = choose_each ? loop.rank + 1 : 0;
    return batched;
  }
}

ProgramPointer step_program(const LoopParts& loop) {
  const auto graph = std::make_shared<jit::Graph>();
  std::vector<jit::Value*> inputs(loop.inputs());
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = graph->addInput()->setType(c10::TensorType::get());
  const auto set_types = [](const std::vector<jit::Value*>& values, const jit::Graph& program) {
    for (size_t i = 0; i < values.size(); ++i) values[i]->setType(program.inputs()[i]->type());
  };
  set_types(loop.of_cond(inputs), loop.cond->graph());
  set_types(loop.of_body(inputs), loop.body->graph());
  jit::Value* goes_on = loop.rank > 0 ? jit::insertGraph(*graph, loop.cond->graph(), loop.of_cond(inputs))[0] : nullptr;
  for (jit::Value* value : insert_step(*graph, loop, inputs, goes_on)) graph->registerOutput(value);
  trace::optimise(graph);
  return std::make_shared<const trace::Program>(graph, forms_of(loop));
}

WhileLoop::WhileLoop(LoopParts loop) : loop_(std::move(loop)) {}

std::vector<at::Tensor> WhileLoop::sketch(const std::vector<at::Tensor>& inputs) const {
  std::vector<at::Tensor> results;
  for (size_t i = 0; i < loop_.carries; ++i) {
    results.push_back(example_of(inputs[i]).clone(at::MemoryFormat::Contiguous));
  }
  return results;
}

std::optional<std::vector<jit::Value*>> WhileLoop::expand(jit::Graph& graph,
                                                          const std::vector<jit::Value*>& given) const {
  std::vector<jit::Value*> inputs = contiguous(graph, given);
  jit::Value* goes_on = jit::insertGraph(graph, loop_.cond->graph(), loop_.of_cond(inputs))[0];
  const bool is_scalar = loop_.rank == 0;
  jit::Value* starts = truth(graph, goes_on, is_scalar);
  jit::Value* limit = graph.insertConstant(loop_.max_steps < 0 ? std::numeric_limits<int64_t>::max() : loop_.max_steps);
  jit::Node* loop = graph.insertNode(graph.create(c10::prim::Loop, {limit, starts}, 0));
  jit::Block* block = loop->addBlock();
  block->addInput()->setType(c10::IntType::get());
  std::vector<jit::Value*> body = inputs;
  for (size_t i = 0; i < loop_.carries; ++i) {
    loop->addInput(inputs[i]);
    body[i] = block_input(block, loop_.body->graph().inputs()[i]);
    loop->addOutput()->setType(body[i]->type());
  }
  jit::Value* went_on = nullptr;
  if (!is_scalar) {
    loop->addInput(goes_on);
    went_on = block_input(block, goes_on);
    loop->addOutput()->setType(went_on->type());
  }
  {
    const jit::WithInsertPoint inside(block);
    std::vector<jit::Value*> next = insert_step(graph, loop_, body, went_on);
    jit::Value* goes_on_then = next.back();
    next.pop_back();
    block->registerOutput(truth(graph, goes_on_then, is_scalar));
    for (jit::Value* carry : next) block->registerOutput(carry);
    if (!is_scalar) block->registerOutput(goes_on_then);
  }
  return std::vector<jit::Value*>(loop->outputs().begin(),
                                  loop->outputs().begin() + static_cast<int64_t>(loop_.carries));
}

Batched WhileLoop::batched(std::vector<at::Tensor> values, std::vector<bool> mask,
                           const transform::NamedAxis& axis) const {
  const std::vector<bool> given = mask;
  Batched batched;
  batched.form = std::make_shared<const WhileLoop>(batch_loop(loop_, values, mask, axis));
  for (size_t i = 0; i < values.size(); ++i) {
    batched.inputs.push_back(mask[i] && !given[i] ? repeated(values[i], axis.size) : values[i]);
  }
  for (size_t i = 0; i < loop_.carries; ++i) batched.axes.push_back(mask[i] ? 0 : -1);
  return batched;
}

Vjp WhileLoop::vjp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& given, bool) const {
  const std::vector<at::Tensor> examples = examples_of(inputs);
  // Carries that depend on what is differentiated are so too.
  std::vector<bool> by = given;
  for (size_t i = loop_.carries; i < loop_.carries + loop_.cond_consts; ++i) by[i] = false;
  std::vector<bool> active;
  while (true) {
    const std::vector<bool> body_by = loop_.of_body(by);
    active =
        vjp_program(*loop_.body, loop_.of_body(examples), body_by, std::vector<bool>(body_by.size(), false)).active;
    bool is_stable = true;
    for (size_t i = 0; i < loop_.carries; ++i) {
      if (!active[i] || by[i]) continue;
      by[i] = true;
      is_stable = false;
    }
    if (is_stable) break;
  }
  Vjp vjp;
  vjp.results = loop_.carries;
  for (size_t i = 0; i < loop_.carries; ++i) vjp.active.push_back(by[i]);
  if (loop_.checkpoints == 0) {
    return without_backward(
        std::static_pointer_cast<const ControlForm>(shared_from_this()), vjp.active,
        "expected a loop that can be differentiated backward, got kind 'lax', which keeps nothing of "
        "its steps. Use { kind: 'checkpointed' } or { kind: 'bounded' } with `maxSteps`, or scan.");
  }
  const auto forward = std::make_shared<const CheckpointedForward>(loop_);
  vjp.forward = forward;
  vjp.active.resize(loop_.carries + forward->saved(), false);
  vjp.backward = std::make_shared<const CheckpointedBackward>(loop_, by, examples);
  // The place of each step among checkpoints, then the checkpoints; constants; cotangents.
  for (size_t j = 0; j < forward->saved(); ++j) vjp.sources.push_back({Source::Kind::kSaved, j});
  for (size_t i = loop_.carries; i < inputs.size(); ++i) vjp.sources.push_back({Source::Kind::kInput, i});
  for (size_t i = 0, next = 0; i < loop_.carries; ++i) {
    if (by[i]) vjp.sources.push_back({Source::Kind::kCotangent, next++});
  }
  for (size_t i = 0; i < by.size(); ++i) {
    if (by[i]) vjp.gradients.push_back(given[i] ? static_cast<int64_t>(i) : -1);
  }
  return vjp;
}

Jvp WhileLoop::jvp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& given) const {
  if (loop_.checkpoints > 0) {
    throw_carried(Error(kTransform, "whileLoop",
                        "expected the backward derivative of a loop of kind 'checkpointed', got the forward one. Use "
                        "{ kind: 'lax' } or { kind: 'bounded' }."));
  }
  const std::vector<at::Tensor> examples = loop_.of_body(examples_of(inputs));
  const size_t carries = loop_.carries;
  std::vector<bool> with = loop_.of_body(given);
  JvpProgram derivative;
  for (bool is_stable = false; !is_stable;) {
    const std::vector<bool> forced(with.begin(), with.begin() + static_cast<int64_t>(carries));
    derivative = jvp_program(*loop_.body, examples, with, forced);
    is_stable = true;
    for (size_t i = 0; i < carries; ++i) {
      if (!derivative.active[i] || with[i]) continue;
      with[i] = true;
      is_stable = false;
    }
  }
  // Carries and their tangents; what the condition closes over; what the body closes over and its tangents.
  Jvp jvp;
  const auto add = [&](Source::Kind kind, size_t index) {
    jvp.sources.push_back({kind, index});
    return jvp.sources.size() - 1;
  };
  const auto add_tangent = [&](size_t input) {
    return add(given[input] ? Source::Kind::kTangent : Source::Kind::kZeros, input);
  };
  LoopParts loop = loop_;
  std::vector<size_t> of_cond;
  for (size_t i = 0; i < carries; ++i) of_cond.push_back(add(Source::Kind::kInput, i));
  std::vector<size_t> of_body = of_cond;
  std::vector<size_t> of_tangents;
  for (size_t i = 0; i < carries; ++i) {
    if (with[i]) of_tangents.push_back(add_tangent(i));
  }
  loop.carries = jvp.sources.size();
  for (size_t i = 0; i < loop_.cond_consts; ++i) of_cond.push_back(add(Source::Kind::kInput, carries + i));
  const size_t first = carries + loop_.cond_consts;
  for (size_t i = first; i < inputs.size(); ++i) of_body.push_back(add(Source::Kind::kInput, i) - loop_.cond_consts);
  for (size_t i = first; i < inputs.size(); ++i) {
    if (with[i - loop_.cond_consts]) of_tangents.push_back(add_tangent(i) - loop_.cond_consts);
  }
  of_body.insert(of_body.end(), of_tangents.begin(), of_tangents.end());
  loop.cond = rewire(*loop_.cond, loop.carries + loop_.cond_consts, of_cond, {{false, 0}});
  std::vector<Wire> wires;
  for (size_t i = 0; i < loop.carries; ++i) wires.push_back({false, i});
  loop.body = rewire(*derivative.program, jvp.sources.size() - loop_.cond_consts, of_body, wires);
  for (size_t i = 0, next = carries; i < carries; ++i) {
    jvp.primals.push_back(i);
    jvp.tangents.push_back(with[i] ? static_cast<int64_t>(next++) : -1);
  }
  jvp.form = std::make_shared<const WhileLoop>(std::move(loop));
  return jvp;
}

}  // namespace equinode::control
