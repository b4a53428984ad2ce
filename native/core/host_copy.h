#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>

namespace equinode::core {

// A contiguous tensor with a copy of the host bytes; throws ERR_SHAPE when their number does not fit.
at::Tensor from_bytes(const void* bytes, size_t size, at::IntArrayRef shape, c10::ScalarType dtype);

// A tensor over memory of the host that `release` gives back; no copy.
at::Tensor from_memory(void* bytes, size_t size, at::IntArrayRef shape, c10::ScalarType dtype,
                       std::function<void(void*)> release);

// Copies the elements in row-major order and as `dtype` to the host; `size` must be their size in bytes.
void to_bytes(const at::Tensor& tensor, c10::ScalarType dtype, void* bytes, size_t size);

// Refuses layouts without strides (sparse ones, that of oneDNN), which transforms and reads of memory do not know.
void require_strided(const at::Tensor& tensor);

// "float32[2,3]".
std::string describe(const at::Tensor& tensor);

}  // namespace equinode::core
