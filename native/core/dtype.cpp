#include "native/core/dtype.h"

#include <array>
#include <utility>

#include "native/base/error.h"

namespace equinode::core {

namespace {

constexpr std::array<std::pair<c10::ScalarType, const char*>, 15> kNames = {{
    {c10::ScalarType::Byte, "uint8"},
    {c10::ScalarType::Char, "int8"},
    {c10::ScalarType::Short, "int16"},
    {c10::ScalarType::Int, "int32"},
    {c10::ScalarType::Long, "int64"},
    {c10::ScalarType::Half, "float16"},
    {c10::ScalarType::Float, "float32"},
    {c10::ScalarType::Double, "float64"},
    {c10::ScalarType::ComplexFloat, "complex64"},
    {c10::ScalarType::ComplexDouble, "complex128"},
    {c10::ScalarType::Bool, "bool"},
    {c10::ScalarType::BFloat16, "bfloat16"},
    {c10::ScalarType::UInt16, "uint16"},
    {c10::ScalarType::UInt32, "uint32"},
    {c10::ScalarType::UInt64, "uint64"},
}};

}  // namespace

std::string dtype_name(c10::ScalarType dtype) {
  for (const auto& [type, name] : kNames) {
    if (type == dtype) return name;
  }
  return c10::toString(dtype);
}

c10::ScalarType dtype_of_code(int64_t code) {
  for (const auto& [type, name] : kNames) {
    if (static_cast<int64_t>(type) == code) return type;
  }
  throw Error(kDtype, concat("expected the code of a dtype, got ", code));
}

}  // namespace equinode::core
