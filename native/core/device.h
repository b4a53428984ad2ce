#pragma once

#include <c10/core/Device.h>

#include <string>

namespace equinode::core {

// The device of a name such as "cpu", "cuda" or "cuda:1"; throws ERR_DEVICE when the name is unknown or the device
// is not there.
c10::Device parse_device(const std::string& name);

int64_t cuda_device_count();

}  // namespace equinode::core
