#include "native/trace/value_map.h"

#include <c10/util/hash.h>

#include <algorithm>
#include <utility>

namespace equinode::trace {

namespace {

// How much may be made until what is no longer used is looked for.
constexpr size_t kSweepEvery = size_t{16} << 20;

}  // namespace

size_t ValueMap::Hash::operator()(const Identity& identity) const {
  size_t hash = identity.words.size();
  for (const int64_t word : identity.words) hash = c10::hash_combine(hash, static_cast<size_t>(word));
  return hash;
}

const void* ValueMap::memory_of(const at::Tensor& tensor) {
  if (tensor.layout() == at::kStrided && tensor.has_storage()) return tensor.storage().unsafeGetStorageImpl();
  return tensor.unsafeGetTensorImpl();
}

ValueMap::Identity ValueMap::identity_of(const at::Tensor& tensor) {
  Identity identity;
  std::vector<int64_t>& words = identity.words;
  words.push_back(reinterpret_cast<int64_t>(memory_of(tensor)));
  words.push_back(static_cast<int64_t>(tensor.scalar_type()));
  if (tensor.layout() != at::kStrided || !tensor.has_storage()) return identity;
  words.push_back(tensor.storage_offset());
  words.push_back((tensor.is_conj() ? 1 : 0) + (tensor.is_neg() ? 2 : 0));
  for (const int64_t size : tensor.sizes()) words.push_back(size);
  for (const int64_t stride : tensor.strides()) words.push_back(stride);
  return identity;
}

torch::jit::Value* ValueMap::find(const at::Tensor& tensor) const {
  const auto found = values_.find(identity_of(tensor));
  return found == values_.end() ? nullptr : found->second;
}

void ValueMap::set(const at::Tensor& tensor, torch::jit::Value* value, Origin origin) {
  values_[identity_of(tensor)] = value;
  if (!origins_.try_emplace(memory_of(tensor), origin).second) return;
  if (tensor.layout() != at::kStrided || !tensor.has_storage()) {
    alive_.push_back(tensor);
    return;
  }
  memories_.push_back(tensor.storage());
  unswept_ += tensor.storage().nbytes();
  if (unswept_ > kSweepEvery) sweep();
}

// Frees the memory of what nothing but this map holds any more; its address stays taken.
void ValueMap::sweep() {
  unswept_ = 0;
  const auto gone = std::partition(memories_.begin(), memories_.end(),
                                   [](const c10::Storage& memory) { return memory.use_count() > 1; });
  for (auto memory = gone; memory != memories_.end(); ++memory) {
    memory->set_data_ptr_noswap(c10::DataPtr(nullptr, memory->device()));
    emptied_.push_back(std::move(*memory));
  }
  memories_.erase(gone, memories_.end());
}

ValueMap::Origin ValueMap::origin(const at::Tensor& tensor) const {
  const auto found = origins_.find(memory_of(tensor));
  return found == origins_.end() ? Origin::kConstant : found->second;
}

bool ValueMap::is_traced(const at::Tensor& tensor) const { return traced_.count(memory_of(tensor)) > 0; }

void ValueMap::mark_traced(const at::Tensor& tensor) { traced_.insert(memory_of(tensor)); }

}  // namespace equinode::trace
