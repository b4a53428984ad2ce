#pragma once

#include "native/control/control_form.h"
#include "native/control/derive.h"

namespace equinode::control {

// A loop of known length. The inputs are carries, then tensors whose first axis is the loop's, then what every step
// gets as it is; the body takes the same with slices, and gives the new carries and a slice of every stacked result.
class Scan : public ControlForm {
 public:
  Scan(ProgramPointer body, size_t carries, size_t sliced, int64_t length, bool reverse);

  const char* name() const override { return "scan"; }
  bool needs_host() const override { return body_->needs_host(); }
  std::vector<at::Tensor> sketch(const std::vector<at::Tensor>& inputs) const override;
  std::optional<std::vector<torch::jit::Value*>> expand(torch::jit::Graph& graph,
                                                        const std::vector<torch::jit::Value*>& inputs) const override;
  Batched batched(std::vector<at::Tensor> values, std::vector<bool> mask,
                  const transform::NamedAxis& axis) const override;
  Vjp vjp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& by, bool again) const override;
  Jvp jvp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& with) const override;

 private:
  bool is_carry(size_t input) const { return input < carries_; }
  bool is_sliced(size_t input) const { return input >= carries_ && input < carries_ + sliced_; }
  size_t inputs() const { return body_->graph().inputs().size(); }
  size_t results() const { return body_->graph().outputs().size(); }
  // What a step of the body sees of the inputs.
  std::vector<at::Tensor> step_examples(const std::vector<at::Tensor>& inputs) const;

  ProgramPointer body_;
  size_t carries_;
  size_t sliced_;
  int64_t length_;
  bool reverse_;
};

}  // namespace equinode::control
