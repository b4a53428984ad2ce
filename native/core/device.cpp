#include "native/core/device.h"

#include <ATen/Context.h>

#include "native/base/error.h"

namespace equinode::core {

int64_t cuda_device_count() {
  if (!at::hasCUDA()) return 0;
  return at::detail::getCUDAHooks().deviceCount();
}

c10::Device parse_device(const std::string& name) {
  const bool is_cpu = name == "cpu";
  const bool is_cuda = name == "cuda" || name.rfind("cuda:", 0) == 0;
  require(is_cpu || is_cuda || name == "meta", kDevice, "expected a device such as 'cpu', 'cuda' or 'cuda:0', got '",
          name, "'");
  c10::Device device = c10::Device(c10::DeviceType::CPU);
  try {
    device = c10::Device(name);
  } catch (const std::exception&) {
    throw Error(kDevice, concat("expected a device such as 'cpu', 'cuda' or 'cuda:0', got '", name, "'"));
  }
  if (is_cuda) {
    const int64_t count = cuda_device_count();
    require(count > 0, kDevice, "expected a device that is present, got '", name, "', but ",
            at::hasCUDA() ? "no CUDA device was found" : "this libtorch was built without CUDA",
            ". Run `npx equinode doctor` to see what is there");
    const int64_t index = device.has_index() ? device.index() : 0;
    require(index < count, kDevice, "expected a device that is present, got '", name, "' where ", count,
            " CUDA device(s) were found");
  }
  return device;
}

}  // namespace equinode::core
