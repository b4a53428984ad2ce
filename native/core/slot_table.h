#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "native/core/handle.h"

namespace equinode::core {

// NOTE [slot lifetime]: a tensor lives in a slot from `add` until `release`. JavaScript holds the handle; who
// releases it is decided there: a scope when it closes, `dispose()`, or a guard whose finalizer runs during garbage
// collection. Releasing bumps the slot's generation, so that the use of a stale handle is an error. A table belongs to
// one Node environment and is touched only on its thread; guards share its ownership, since they may be finalized
// after the environment's data.
//
// NOTE [generation wrap]: a handle's generation has 8 bits and wraps. That is enough for handles, which JavaScript
// forgets when it releases them, but not for guards: they wait for the collector while the slot may be reused any
// number of times, so they remember the serial number of their tensor, which never repeats.
class SlotTable {
 public:
  Handle add(at::Tensor tensor);

  // The tensor in a slot; throws ERR_DISPOSED when the handle is stale.
  const at::Tensor& get(Handle handle) const;

  // Empties the slot and returns the bytes that were reported for it. A stale handle does nothing.
  int64_t release(Handle handle);

  // As `release`, if the slot still holds the tensor of that serial number.
  int64_t release_serial(Handle handle, uint64_t serial);

  // Counts the tensors that were ever added; the tensor in a slot carries the count at which it came.
  uint64_t serial() const { return serial_; }
  uint64_t serial_of(Handle handle) const;

  // Bytes that the slot's tensor keeps alive alone; 0 for a stale handle.
  int64_t owned_bytes(Handle handle) const;

  // Remembers that `bytes` were reported to the garbage collector for this slot.
  void set_reported(Handle handle, int64_t bytes);

  size_t live() const { return live_; }

  // Bytes of all distinct storages in live slots.
  int64_t bytes() const;

 private:
  struct Slot {
    at::Tensor tensor;
    uint8_t generation = 1;
    uint64_t serial = 0;
    int64_t reported = 0;
  };

  bool is_live(Handle handle) const;

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  size_t live_ = 0;
  uint64_t serial_ = 0;
};

// Bytes that keeping this tensor alive costs, as far as it is the storage's only owner; 0 for views and wrappers.
int64_t owned_bytes(const at::Tensor& tensor);

// Bytes that this tensor keeps alive, alone or with others: the whole storage for a view.
int64_t held_bytes(const at::Tensor& tensor);

}  // namespace equinode::core
