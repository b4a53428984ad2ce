#pragma once

#include "native/control/while_loop.h"

namespace equinode::control {

// A loop that keeps some of its carries on the way. Gives the last carries, then what is saved: the number of steps
// with the step in each place (int64), and for each carry those that were kept.
class CheckpointedForward : public ControlForm {
 public:
  explicit CheckpointedForward(LoopParts loop);

  const char* name() const override { return "whileLoop"; }
  bool needs_host() const override { return loop_.needs_host(); }
  std::vector<at::Tensor> sketch(const std::vector<at::Tensor>& inputs) const override;
  std::optional<std::vector<torch::jit::Value*>> expand(torch::jit::Graph&,
                                                        const std::vector<torch::jit::Value*>&) const override {
    return std::nullopt;
  }
  std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) const override;
  Batched batched(std::vector<at::Tensor> values, std::vector<bool> mask,
                  const transform::NamedAxis& axis) const override;
  Vjp vjp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& by, bool again) const override;
  Jvp jvp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& with) const override;

  size_t saved() const { return loop_.carries + 1; }

 private:
  LoopParts loop_;
  ProgramPointer step_;
};

// The way back. Takes what was saved, what the loop closes over, the cotangents of the carries in `by`; gives the
// gradients of the inputs of the loop in `by`.
class CheckpointedBackward : public ControlForm {
 public:
  CheckpointedBackward(LoopParts loop, std::vector<bool> by, const std::vector<at::Tensor>& examples);

  const char* name() const override { return "whileLoop"; }
  bool needs_host() const override { return loop_.needs_host(); }
  std::vector<at::Tensor> sketch(const std::vector<at::Tensor>& inputs) const override;
  std::optional<std::vector<torch::jit::Value*>> expand(torch::jit::Graph&,
                                                        const std::vector<torch::jit::Value*>&) const override {
    return std::nullopt;
  }
  std::vector<at::Tensor> run(const std::vector<at::Tensor>& inputs) const override;
  Batched batched(std::vector<at::Tensor> values, std::vector<bool> mask,
                  const transform::NamedAxis& axis) const override;
  Vjp vjp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& by, bool again) const override;
  Jvp jvp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& with) const override;

 private:
  // Zeros, to which the gradients of what the body closes over are added.
  std::vector<at::Tensor> sums(const std::vector<at::Tensor>& consts) const;
  std::vector<at::Tensor> consts_of(const std::vector<at::Tensor>& inputs) const;
  std::vector<at::Tensor> cotangents_of(const std::vector<at::Tensor>& inputs) const;

  LoopParts loop_;
  std::vector<bool> by_;
  ProgramPointer step_;
  // Takes the inputs of the loop, cotangents, sums; gives new cotangents and sums.
  ProgramPointer turn_;
};

}  // namespace equinode::control
