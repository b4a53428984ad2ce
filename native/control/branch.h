#pragma once

#include "native/control/control_form.h"
#include "native/control/derive.h"

namespace equinode::control {

// One of several programs of the same inputs, chosen by a number (or by a truth value: 0 is the second of two). The
// first input is the choice; if it has axes, these are a batch, every other input and every result has them first, and
// each element makes its own choice.
class Branch : public ControlForm {
 public:
  // Without a choice of one for each element, `rank` is 0.
  Branch(std::vector<ProgramPointer> programs, int64_t rank);

  const char* name() const override { return programs_.size() == 2 ? "cond" : "switchCase"; }
  bool needs_host() const override;
  std::vector<at::Tensor> sketch(const std::vector<at::Tensor>& inputs) const override;
  std::optional<std::vector<torch::jit::Value*>> expand(torch::jit::Graph& graph,
                                                        const std::vector<torch::jit::Value*>& inputs) const override;
  Batched batched(std::vector<at::Tensor> values, std::vector<bool> mask,
                  const transform::NamedAxis& axis) const override;
  Vjp vjp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& by, bool again) const override;
  Jvp jvp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& with) const override;

 private:
  std::vector<torch::jit::Value*> expand_from(torch::jit::Graph& graph, size_t first, torch::jit::Value* choice,
                                              const std::vector<torch::jit::Value*>& operands) const;

  std::vector<ProgramPointer> programs_;
  int64_t rank_;
};

}  // namespace equinode::control
