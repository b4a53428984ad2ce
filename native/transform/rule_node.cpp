#include "native/transform/rule_node.h"

#include <ATen/ATen.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/TensorWrapper.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <optional>
#include <utility>

#include "native/base/error.h"
#include "native/transform/grad.h"
#include "native/transform/level.h"

namespace equinode::transform {

namespace functorch = at::functorch;

namespace {

struct RuleNode : public torch::autograd::Node {
  RuleBackward backward;
  std::vector<at::Tensor> residuals;
  // The places of the results that can have a gradient, among all.
  std::vector<size_t> places;
  size_t output_count = 0;
  int64_t level = 0;
  // Of the level, which may have ended when its gradients are asked for later.
  std::shared_ptr<bool> alive;
  bool released = false;

  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    require(!released, kTransform, "expected one backward pass through a custom rule, got a second one");
    require(level > 0 || !c10::GradMode::is_enabled(), kTransform,
            "expected one derivative through a custom rule on libtorch's own tape, got a derivative of a derivative. "
            "Use grad(grad(f)).");
    const bool in_level = alive != nullptr && *alive;
    std::vector<at::Tensor> cotangents(output_count);
    for (size_t i = 0; i < places.size(); ++i) {
      if (grads[i].defined()) cotangents[places[i]] = unwrap_ended(grads[i], in_level ? level : kEnded);
    }
    std::vector<at::Tensor> results;
    {
      std::optional<LoweredContext> lowered;
      if (in_level) lowered.emplace();
      results = backward(cotangents, residuals, !in_level);
    }
    require(results.size() == num_outputs(), kTransform, "expected ", num_outputs(),
            " gradient(s) of a custom rule, got ", results.size());
    for (at::Tensor& result : results) {
      if (in_level && result.defined()) result = functorch::makeTensorWrapper(result, level);
    }
    return results;
  }

  void release_variables() override {
    residuals.clear();
    released = true;
  }

  std::string name() const override { return "EquinodeRuleBackward"; }
};

}  // namespace

std::vector<at::Tensor> attach_rule(const std::vector<at::Tensor>& outputs, const std::vector<at::Tensor>& inputs,
                                    std::vector<at::Tensor> residuals, int64_t level, RuleBackward backward) {
  auto node = c10::make_intrusive<RuleNode>();
  node->backward = std::move(backward);
  node->residuals = std::move(residuals);
  node->output_count = outputs.size();
  node->level = level;
  if (level > 0) node->alive = functorch::getLifeHandleForLevel(level);
  torch::autograd::edge_list edges;
  for (const at::Tensor& input : inputs) {
    edges.push_back(is_watched(input, level) ? torch::autograd::impl::gradient_edge(input) : torch::autograd::Edge());
  }
  node->set_next_edges(std::move(edges));
  std::vector<at::Tensor> attached;
  for (size_t i = 0; i < outputs.size(); ++i) {
    at::Tensor output = level > 0 ? functorch::makeTensorWrapper(outputs[i], level) : outputs[i].detach();
    if (torch::autograd::isDifferentiableType(output.scalar_type())) {
      node->places.push_back(i);
      torch::autograd::set_history(output, node);
    }
    attached.push_back(std::move(output));
  }
  return attached;
}

bool is_watched(const at::Tensor& tensor, int64_t level) {
  if (!c10::GradMode::is_enabled() || !tensor.requires_grad()) return false;
  return level == 0 || is_wrapped(tensor, level);
}

}  // namespace equinode::transform
