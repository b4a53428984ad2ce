#pragma once

#include "native/control/control_form.h"
#include "native/control/derive.h"

namespace equinode::control {

// What a loop of unknown length does. The inputs of everything here are carries, what `cond` closes over, what `body`
// closes over. `cond` gives a truth value; if it has `rank` axes, these are a batch, all carries have them first, and
// the loop goes on while any element does, without changing the others.
struct LoopParts {
  ProgramPointer cond;
  ProgramPointer body;
  size_t carries;
  size_t cond_consts;
  int64_t rank;
  // -1 if there is no bound.
  int64_t max_steps;
  // The number of carries that are kept for the backward pass; 0 if there is none.
  int64_t checkpoints;

  bool needs_host() const { return cond->needs_host() || body->needs_host(); }
  size_t inputs() const { return cond->graph().inputs().size() + body->graph().inputs().size() - carries; }
  bool is_body_const(size_t input) const { return input >= carries + cond_consts; }
  // The inputs of the two programs among all.
  template <typename T>
  std::vector<T> of_cond(const std::vector<T>& all) const {
    return {all.begin(), all.begin() + static_cast<int64_t>(carries + cond_consts)};
  }
  template <typename T>
  std::vector<T> of_body(const std::vector<T>& all) const {
    std::vector<T> taken(all.begin(), all.begin() + static_cast<int64_t>(carries));
    taken.insert(taken.end(), all.begin() + static_cast<int64_t>(carries + cond_consts), all.end());
    return taken;
  }
};

// The loop for a batch. `mask` says which inputs have it; those that must have it too are added.
LoopParts batch_loop(const LoopParts& loop, const std::vector<at::Tensor>& examples, std::vector<bool>& mask,
                     const transform::NamedAxis& axis);

// A tensor with a batch as its first axis, of the same values.
at::Tensor repeated(const at::Tensor& value, int64_t size);

// A step of a loop as a program: takes all inputs; gives the new carries, then whether it goes on from there.
ProgramPointer step_program(const LoopParts& loop);

class WhileLoop : public ControlForm {
 public:
  explicit WhileLoop(LoopParts loop);

  const char* name() const override { return "whileLoop"; }
  bool needs_host() const override { return loop_.needs_host(); }
  std::vector<at::Tensor> sketch(const std::vector<at::Tensor>& inputs) const override;
  std::optional<std::vector<torch::jit::Value*>> expand(torch::jit::Graph& graph,
                                                        const std::vector<torch::jit::Value*>& inputs) const override;
  Batched batched(std::vector<at::Tensor> values, std::vector<bool> mask,
                  const transform::NamedAxis& axis) const override;
  Vjp vjp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& by, bool again) const override;
  Jvp jvp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& with) const override;

 private:
  LoopParts loop_;
};

}  // namespace equinode::control
