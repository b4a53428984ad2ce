#include "native/core/slot_table.h"

#include <unordered_set>
#include <utility>

#include "native/base/error.h"

namespace equinode::core {

Handle SlotTable::add(at::Tensor tensor) {
  uint32_t index;
  if (free_.empty()) {
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.tensor = std::move(tensor);
  slot.serial = ++serial_;
  ++live_;
  return make_handle(index, slot.generation);
}

bool SlotTable::is_live(Handle handle) const {
  const uint32_t index = index_of(handle);
  return index < slots_.size() && slots_[index].generation == generation_of(handle) && slots_[index].tensor.defined();
}

const at::Tensor& SlotTable::get(Handle handle) const {
  require(is_live(handle), kDisposed, "expected a live tensor, got one that was released");
  return slots_[index_of(handle)].tensor;
}

uint64_t SlotTable::serial_of(Handle handle) const { return is_live(handle) ? slots_[index_of(handle)].serial : 0; }

int64_t SlotTable::release(Handle handle) {
  if (!is_live(handle)) return 0;
  const uint32_t index = index_of(handle);
  Slot& slot = slots_[index];
  // The destructor may run arbitrary code (autograd nodes), so the slot is consistent before it.
  at::Tensor dying = std::move(slot.tensor);
  slot.tensor = at::Tensor();
  const int64_t reported = std::exchange(slot.reported, 0);
  --live_;
  if (++slot.generation == 0) slot.generation = 1;
  free_.push_back(index);
  return reported;
}

int64_t SlotTable::release_serial(Handle handle, uint64_t serial) {
  return serial_of(handle) == serial ? release(handle) : 0;
}

int64_t SlotTable::owned_bytes(Handle handle) const {
  return is_live(handle) ? core::owned_bytes(slots_[index_of(handle)].tensor) : 0;
}

void SlotTable::set_reported(Handle handle, int64_t bytes) {
  if (is_live(handle)) slots_[index_of(handle)].reported = bytes;
}

int64_t SlotTable::bytes() const {
  std::unordered_set<const void*> seen;
  int64_t total = 0;
  for (const Slot& slot : slots_) {
    if (!slot.tensor.defined() || !slot.tensor.has_storage()) continue;
    const c10::StorageImpl* storage = slot.tensor.storage().unsafeGetStorageImpl();
    if (seen.insert(storage).second) total += static_cast<int64_t>(storage->nbytes());
  }
  return total;
}

int64_t owned_bytes(const at::Tensor& tensor) {
  if (!tensor.has_storage()) return 0;
  const c10::Storage& storage = tensor.storage();
  return storage.use_count() == 1 ? static_cast<int64_t>(storage.nbytes()) : 0;
}

int64_t held_bytes(const at::Tensor& tensor) {
  return tensor.has_storage() ? static_cast<int64_t>(tensor.storage().nbytes()) : 0;
}

}  // namespace equinode::core
