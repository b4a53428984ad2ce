#include "native/control/branch.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "native/control/graph_parts.h"
#include "native/control/rewire.h"

namespace equinode::control {

namespace jit = torch::jit;

namespace {

std::vector<at::Tensor> examples_of(const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> examples;
  for (size_t i = 1; i < inputs.size(); ++i) examples.push_back(example_of(inputs[i]));
  return examples;
}

at::Tensor with_batch(const at::Tensor& value, int64_t size) {
  std::vector<int64_t> sizes = value.sizes().vec();
  sizes.insert(sizes.begin(), size);
  return value.unsqueeze(0).expand(sizes);
}

}  // namespace

Branch::Branch(std::vector<ProgramPointer> programs, int64_t rank) : programs_(std::move(programs)), rank_(rank) {}

bool Branch::needs_host() const {
  return std::any_of(programs_.begin(), programs_.end(), [](const auto& program) { return program->needs_host(); });
}

std::vector<at::Tensor> Branch::sketch(const std::vector<at::Tensor>& inputs) const {
  std::vector<at::Tensor> results = programs_[0]->run_below(examples_of(inputs));
  for (at::Tensor& result : results) result = result.clone(at::MemoryFormat::Contiguous);
  return results;
}

std::vector<jit::Value*> Branch::expand_from(jit::Graph& graph, size_t first, jit::Value* choice,
                                             const std::vector<jit::Value*>& operands) const {
  jit::Graph& program = programs_[first]->graph();
  if (first + 1 == programs_.size()) return jit::insertGraph(graph, program, operands);
  // The first program is that of true or of 0.
  const bool is_truth = programs_.size() == 2;
  const int64_t number = static_cast<int64_t>(first);
  if (rank_ > 0) {
    jit::Value* mask = is_truth ? choice : graph.insert(c10::aten::eq, {choice, number});
    const auto chosen = jit::insertGraph(graph, program, operands);
    const auto others = expand_from(graph, first + 1, choice, operands);
    std::vector<jit::Value*> results;
    for (size_t i = 0; i < chosen.size(); ++i) results.push_back(select(graph, mask, chosen[i], others[i], rank_));
    return results;
  }
  jit::Value* is_chosen = truth(graph, is_truth ? choice : graph.insert(c10::aten::eq, {choice, number}), true);
  jit::Node* node = graph.insertNode(graph.create(c10::prim::If, {is_chosen}, 0));
  for (const jit::Value* output : program.outputs()) node->addOutput()->setType(output->type());
  {
    const jit::WithInsertPoint inside(node->addBlock());
    for (jit::Value* value : jit::insertGraph(graph, program, operands)) node->blocks()[0]->registerOutput(value);
  }
  {
    const jit::WithInsertPoint inside(node->addBlock());
    for (jit::Value* value : expand_from(graph, first + 1, choice, operands)) {
      node->blocks()[1]->registerOutput(value);
    }
  }
  return node->outputs().vec();
}

std::optional<std::vector<jit::Value*>> Branch::expand(jit::Graph& graph, const std::vector<jit::Value*>& given) const {
  const std::vector<jit::Value*> inputs = contiguous(graph, given);
  return expand_from(graph, 0, inputs[0], {inputs.begin() + 1, inputs.end()});
}

Batched Branch::batched(std::vector<at::Tensor> values, std::vector<bool> mask,
                        const transform::NamedAxis& axis) const {
  const bool choose_each = mask[0] || rank_ > 0;
  if (choose_each) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (!mask[i]) values[i] = with_batch(values[i], axis.size);
      mask[i] = true;
    }
  }
  const std::vector<bool> operands(mask.begin() + 1, mask.end());
  const std::vector<at::Tensor> examples = examples_of(values);
  std::vector<bool> forced(programs_[0]->graph().outputs().size(), choose_each);
  std::vector<ProgramPointer> programs;
  for (bool is_stable = false; !is_stable;) {
    programs.clear();
    is_stable = true;
    for (const ProgramPointer& program : programs_) {
      const BatchedProgram batched = batch_program(*program, examples, operands, axis, forced);
      if (batched.batched != forced) {
        is_stable = false;
        for (size_t i = 0; i < forced.size(); ++i) forced[i] = forced[i] || batched.batched[i];
      }
      programs.push_back(batched.program);
    }
  }
  Batched batched;
  batched.form = std::make_shared<const Branch>(std::move(programs), choose_each ? rank_ + 1 : 0);
  batched.inputs = std::move(values);
  for (const bool is_batched : forced) batched.axes.push_back(is_batched ? 0 : -1);
  return batched;
}

Vjp Branch::vjp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& by, bool) const {
  const std::vector<at::Tensor> examples = examples_of(inputs);
  const std::vector<bool> operands(by.begin() + 1, by.end());
  const size_t results = programs_[0]->graph().outputs().size();
  std::vector<VjpProgram> derivatives;
  Vjp vjp;
  vjp.active.assign(results, false);
  for (const ProgramPointer& program : programs_) {
    derivatives.push_back(vjp_program(*program, examples, operands, std::vector<bool>(operands.size(), false)));
    for (size_t i = 0; i < results; ++i) vjp.active[i] = vjp.active[i] || derivatives.back().active[i];
  }
  std::vector<ProgramPointer> primals = programs_;
  for (size_t i = 0; i < primals.size(); ++i) primals[i] = primal_part(*programs_[i], derivatives[i]);
  vjp.forward = std::make_shared<const Branch>(std::move(primals), rank_);
  vjp.results = results;
  for (size_t i = 0; i < inputs.size(); ++i) vjp.sources.push_back({Source::Kind::kInput, i});
  std::vector<size_t> place_of_cotangent(results, 0);
  for (size_t i = 0, next = 0; i < results; ++i) {
    if (!vjp.active[i]) continue;
    place_of_cotangent[i] = vjp.sources.size() - 1;
    vjp.sources.push_back({Source::Kind::kCotangent, next++});
  }
  // Every branch computes its results again for its gradients.
  std::vector<ProgramPointer> programs;
  for (const VjpProgram& derivative : derivatives) {
    std::vector<size_t> takes;
    std::vector<Wire> wires;
    for (size_t i = 0; i < operands.size(); ++i) takes.push_back(i);
    for (size_t i = 0; i < results; ++i) {
      if (derivative.active[i]) takes.push_back(place_of_cotangent[i]);
    }
    for (size_t i = 0; i < count(operands); ++i) wires.push_back({false, results + i});
    programs.push_back(rewire(*derivative.joint, vjp.sources.size() - 1, takes, wires));
  }
  vjp.backward = std::make_shared<const Branch>(std::move(programs), rank_);
  for (size_t i = 0; i < by.size(); ++i) {
    if (by[i]) vjp.gradients.push_back(static_cast<int64_t>(i));
  }
  return vjp;
}

Jvp Branch::jvp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& given) const {
  const std::vector<at::Tensor> examples = examples_of(inputs);
  const std::vector<bool> with(given.begin() + 1, given.end());
  const size_t results = programs_[0]->graph().outputs().size();
  std::vector<bool> active(results, false);
  std::vector<ProgramPointer> programs;
  for (bool is_stable = false; !is_stable;) {
    programs.clear();
    is_stable = true;
    for (const ProgramPointer& program : programs_) {
      const JvpProgram derivative = jvp_program(*program, examples, with, active);
      programs.push_back(derivative.program);
      for (size_t i = 0; i < results; ++i) {
        if (!derivative.active[i] || active[i]) continue;
        active[i] = true;
        is_stable = false;
      }
    }
  }
  Jvp jvp;
  jvp.form = std::make_shared<const Branch>(std::move(programs), rank_);
  for (size_t i = 0; i < inputs.size(); ++i) jvp.sources.push_back({Source::Kind::kInput, i});
  for (size_t i = 1; i < inputs.size(); ++i) {
    if (given[i]) jvp.sources.push_back({Source::Kind::kTangent, i});
  }
  for (size_t i = 0, next = results; i < results; ++i) {
    jvp.primals.push_back(i);
    jvp.tangents.push_back(active[i] ? static_cast<int64_t>(next++) : -1);
  }
  return jvp;
}

}  // namespace equinode::control
