#pragma once

#include <c10/core/ScalarType.h>

#include <string>

namespace equinode::core {

// NumPy's name of a dtype, as in lib/base/dtype.ts.
std::string dtype_name(c10::ScalarType dtype);

// A scalar type from libtorch's code; throws ERR_DTYPE for a code that lib/base/dtype.ts does not have.
c10::ScalarType dtype_of_code(int64_t code);

}  // namespace equinode::core
