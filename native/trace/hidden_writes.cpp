#include "native/trace/hidden_writes.h"

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <string>

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

bool is_constant_false(const jit::Value* value) {
  const auto constant = jit::toIValue(value);
  return constant.has_value() && constant->isBool() && !constant->toBool();
}

bool is_none(const jit::Value* value) {
  const auto constant = jit::toIValue(value);
  return constant.has_value() && constant->isNone();
}

}  // namespace

bool updates_statistics(const jit::Node& node) {
  const std::string name = node.kind().toQualString();
  if (name == "aten::batch_norm_update_stats") return !is_none(node.input(1)) || !is_none(node.input(2));
  if (name != "aten::batch_norm" && name != "aten::instance_norm" && name != "aten::_batch_norm_impl_index" &&
      name != "aten::native_batch_norm" && name != "aten::cudnn_batch_norm") {
    return false;
  }
  return !is_none(node.input(3)) && !is_constant_false(node.input(5));
}

bool has_hidden_writes(const jit::Block& block) {
  return std::any_of(block.nodes().begin(), block.nodes().end(), [](const jit::Node* node) {
    const auto blocks = node->blocks();
    return updates_statistics(*node) ||
           std::any_of(blocks.begin(), blocks.end(), [](const jit::Block* inner) { return has_hidden_writes(*inner); });
  });
}

}  // namespace equinode::trace
