#include "native/core/host_copy.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/EmptyTensor.h>

#include <cstring>
#include <utility>

#include "native/base/error.h"
#include "native/core/dtype.h"

namespace equinode::core {

namespace {

void check_size(size_t size, at::IntArrayRef shape, c10::ScalarType dtype) {
  const auto wanted = static_cast<size_t>(c10::multiply_integers(shape)) * c10::elementSize(dtype);
  require(size == wanted, kShape, "expected ", wanted, " bytes for ", dtype_name(dtype), "[", c10::Join(",", shape),
          "], got ", size);
}

}  // namespace

at::Tensor from_bytes(const void* bytes, size_t size, at::IntArrayRef shape, c10::ScalarType dtype) {
  check_size(size, shape, dtype);
  // Not through the dispatcher, which inside a transform would give a wrapper without memory.
  at::Tensor host = at::detail::empty_cpu(shape, dtype);
  if (size > 0) std::memcpy(host.mutable_data_ptr(), bytes, size);
  return host;
}

at::Tensor from_memory(void* bytes, size_t size, at::IntArrayRef shape, c10::ScalarType dtype,
                       std::function<void(void*)> release) {
  check_size(size, shape, dtype);
  return at::from_blob(bytes, shape, std::move(release), at::TensorOptions().dtype(dtype));
}

void to_bytes(const at::Tensor& tensor, c10::ScalarType dtype, void* bytes, size_t size) {
  require_strided(tensor);
  at::NoGradGuard no_grad;
  const at::Tensor host = tensor.detach().resolve_conj().resolve_neg().to(at::kCPU, dtype).contiguous();
  require(size == host.nbytes(), kShape, "expected room for ", host.nbytes(), " bytes, got ", size);
  if (size > 0) std::memcpy(bytes, host.const_data_ptr(), size);
}

void require_strided(const at::Tensor& tensor) {
  if (tensor.layout() == at::kStrided) return;
  throw Error(kArgument, concat("expected a tensor of strided layout, got ", describe(tensor), " of layout ",
                                tensor.layout(), ". Use `toDense`"));
}

std::string describe(const at::Tensor& tensor) {
  if (!tensor.defined()) return "none";
  return concat(dtype_name(tensor.scalar_type()), "[", c10::Join(",", tensor.sizes()), "]");
}

}  // namespace equinode::core
