#include "native/trace/unwritten.h"

#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <string>
#include <unordered_set>

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

const void* memory_of(const at::Tensor& tensor) {
  return tensor.has_storage() ? tensor.storage().unsafeGetStorageImpl() : nullptr;
}

// Operators that look at the shape and the kind of their first argument alone.
bool asks_for_shape(const std::string& name) {
  static const std::unordered_set<std::string> names = {
      "aten::empty_like", "aten::zeros_like", "aten::ones_like", "aten::full_like",         "aten::new_empty",
      "aten::new_zeros",  "aten::new_ones",   "aten::new_full",  "aten::new_empty_strided",
  };
  return names.count(name) > 0;
}

// Whether the first result may be memory of the first argument.
bool passes_memory_on(const jit::Node& node) {
  const c10::FunctionSchema* schema = node.maybeSchema();
  if (schema == nullptr || schema->returns().empty() || schema->arguments().empty()) return false;
  return schema->returns()[0].alias_info() != nullptr && schema->arguments()[0].alias_info() != nullptr;
}

bool is_read(const jit::Value* value) {
  return std::any_of(value->uses().begin(), value->uses().end(), [](const jit::Use& use) {
    if (asks_for_shape(use.user->kind().toQualString()) && use.offset == 0) return false;
    if (!passes_memory_on(*use.user) || use.offset != 0) return true;
    const auto outputs = use.user->outputs();
    return std::any_of(outputs.begin(), outputs.end(), [](const jit::Value* output) { return is_read(output); });
  });
}

}  // namespace

bool Unwritten::gives_memory(const std::string& name) {
  return name == "aten::empty" || name == "aten::empty_like" || name == "aten::empty_strided" ||
         name == "aten::empty_permuted" || name == "aten::new_empty" || name == "aten::new_empty_strided";
}

void Unwritten::made(const at::Tensor& tensor, jit::Value* value) {
  const void* memory = memory_of(tensor);
  if (memory != nullptr && tensor.numel() > 0) memories_[memory] = {tensor, value};
}

void Unwritten::written(const at::Tensor& tensor) {
  if (const void* memory = memory_of(tensor)) memories_.erase(memory);
}

void Unwritten::become_constants(const std::function<jit::Value*(const at::Tensor&)>& constant) const {
  for (const auto& [_memory, made] : memories_) {
    if (!is_read(made.value)) continue;
    jit::WithInsertPoint at_its_place(made.value->node());
    made.value->replaceAllUsesWith(constant(made.tensor));
  }
}

}  // namespace equinode::trace
