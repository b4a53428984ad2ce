#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/ir/ir.h>

#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace equinode::trace {

// NOTE [tensor identity in a trace]: autograd saves variables and gives them back as new objects over the same
// storage, so the address of a TensorImpl identifies nothing. A tensor is what it shows: its storage, offset, sizes,
// strides, dtype and conjugate/negative bits. The storages of everything that was seen are kept until the trace ends,
// though not the memory of those that nothing else holds, so that no storage's address is used twice. Two objects with
// the same identity are the same memory, so that either value stands for both, also after a write (the graph repeats
// the writes in their order). The exception is a detached tensor, which is another one to derivatives: it gets memory
// of its own.
class ValueMap {
 public:
  // Marks where a storage came from: writing to what a user can still see is refused.
  enum class Origin { kMade, kInput, kConstant };

  torch::jit::Value* find(const at::Tensor& tensor) const;
  void set(const at::Tensor& tensor, torch::jit::Value* value, Origin origin);

  Origin origin(const at::Tensor& tensor) const;

  // Whether a value depends on the inputs, and is therefore unknown until the program runs. What is computed from
  // constants alone is known.
  bool is_traced(const at::Tensor& tensor) const;
  void mark_traced(const at::Tensor& tensor);

 private:
  struct Identity {
    std::vector<int64_t> words;
    bool operator==(const Identity& other) const { return words == other.words; }
  };
  struct Hash {
    size_t operator()(const Identity& identity) const;
  };

  void sweep();

  static Identity identity_of(const at::Tensor& tensor);
  static const void* memory_of(const at::Tensor& tensor);

  std::unordered_map<Identity, torch::jit::Value*, Hash> values_;
  std::unordered_map<const void*, Origin> origins_;
  std::unordered_set<const void*> traced_;
  // Storages that were seen, with their memory and without, and tensors that have none.
  std::vector<c10::Storage> memories_;
  std::vector<c10::Storage> emptied_;
  std::vector<at::Tensor> alive_;
  size_t unswept_ = 0;
};

}  // namespace equinode::trace
