#include "native/napi/read.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>

#include "native/base/error.h"
#include "native/core/device.h"
#include "native/core/dtype.h"
#include "native/core/host_copy.h"

namespace equinode::napi {

namespace {

using core::Argument;
using core::Kind;

constexpr double kSafeInteger = 9007199254740991.0;

napi_valuetype type_of(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type;
}

bool is_array(napi_env env, napi_value value) {
  bool result = false;
  napi_is_array(env, value, &result);
  return result;
}

uint32_t length_of(napi_env env, napi_value array) {
  uint32_t length = 0;
  napi_get_array_length(env, array, &length);
  return length;
}

napi_value element_of(napi_env env, napi_value array, uint32_t index) {
  napi_value element = nullptr;
  napi_get_element(env, array, index, &element);
  return element;
}

std::string text_of(napi_env env, napi_value value) {
  napi_value text = nullptr;
  if (napi_coerce_to_string(env, value, &text) != napi_ok) return "a value without a text";
  return Napi::String(env, text).Utf8Value();
}

[[noreturn]] void refuse(napi_env env, napi_value value, const char* expected) {
  throw Error(kArgument, concat("expected ", expected, ", got ", text_of(env, value)));
}

std::optional<int64_t> read_big(napi_env env, napi_value value) {
  int64_t result = 0;
  bool lossless = false;
  if (napi_get_value_bigint_int64(env, value, &result, &lossless) != napi_ok) return std::nullopt;
  if (!lossless) refuse(env, value, "an integer of 64 bits");
  return result;
}

int64_t read_int(napi_env env, napi_value value) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) == napi_ok) {
    if (std::trunc(number) != number || std::abs(number) > kSafeInteger) refuse(env, value, "an integer");
    return static_cast<int64_t>(number);
  }
  if (const auto big = read_big(env, value)) return *big;
  refuse(env, value, "an integer");
}

double read_float(napi_env env, napi_value value) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) == napi_ok) return number;
  refuse(env, value, "a number");
}

bool read_bool(napi_env env, napi_value value) {
  bool result = false;
  if (napi_get_value_bool(env, value, &result) != napi_ok) refuse(env, value, "a boolean");
  return result;
}

std::string read_string(napi_env env, napi_value value) {
  if (type_of(env, value) != napi_string) refuse(env, value, "a string");
  return Napi::String(env, value).Utf8Value();
}

at::Scalar read_scalar(napi_env env, napi_value value) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) == napi_ok) {
    const bool integral =
        std::trunc(number) == number && std::abs(number) <= kSafeInteger && !(number == 0 && std::signbit(number));
    return integral ? at::Scalar(static_cast<int64_t>(number)) : at::Scalar(number);
  }
  switch (type_of(env, value)) {
    case napi_boolean:
      return at::Scalar(read_bool(env, value));
    case napi_bigint:
      return at::Scalar(*read_big(env, value));
    case napi_object: {
      const Napi::Object object(env, value);
      if (object.Get("re").IsNumber() && object.Get("im").IsNumber()) {
        return at::Scalar(c10::complex<double>(object.Get("re").As<Napi::Number>().DoubleValue(),
                                               object.Get("im").As<Napi::Number>().DoubleValue()));
      }
      break;
    }
    default:
      break;
  }
  refuse(env, value, "a number, bigint, boolean or complex number");
}

at::Tensor read_tensor(Env& env, napi_value value) {
  double handle = 0;
  if (napi_get_value_double(env.raw, value, &handle) == napi_ok) return env.operand(static_cast<core::Handle>(handle));
  if (is_array(env.raw, value) && length_of(env.raw, value) == 1) {
    // A number that stands for a tensor takes part in type promotion as a Python number does.
    at::Tensor number = c10::scalar_to_tensor(read_scalar(env.raw, element_of(env.raw, value, 0)));
    number.unsafeGetTensorImpl()->set_wrapped_number(true);
    return number;
  }
  refuse(env.raw, value, "a tensor");
}

template <typename T, typename Read>
c10::List<T> read_list(napi_env env, napi_value value, const char* expected, Read read) {
  if (!is_array(env, value)) refuse(env, value, expected);
  c10::List<T> list;
  const uint32_t length = length_of(env, value);
  list.reserve(length);
  for (uint32_t i = 0; i < length; ++i) list.push_back(read(element_of(env, value, i)));
  return list;
}

template <typename T, typename Read>
c10::List<T> read_sized_list(napi_env env, napi_value value, int32_t size, const char* expected, Read read) {
  if (size > 0 && !is_array(env, value)) {
    c10::List<T> list;
    for (int32_t i = 0; i < size; ++i) list.push_back(read(value));
    return list;
  }
  return read_list<T>(env, value, expected, read);
}

c10::IValue read_present(Env& env, napi_value value, const Argument& argument) {
  napi_env raw = env.raw;
  switch (argument.kind) {
    case Kind::kTensor:
      return read_tensor(env, value);
    case Kind::kTensorList:
      return read_list<at::Tensor>(raw, value, "an array of tensors",
                                   [&](napi_value element) { return read_tensor(env, element); });
    case Kind::kOptionalTensorList:
      return read_list<std::optional<at::Tensor>>(raw, value, "an array of tensors and nulls",
                                                  [&](napi_value element) -> std::optional<at::Tensor> {
                                                    if (type_of(raw, element) == napi_null) return std::nullopt;
                                                    return read_tensor(env, element);
                                                  });
    case Kind::kScalar:
      return read_scalar(raw, value);
    case Kind::kScalarList:
      return read_list<at::Scalar>(raw, value, "an array of numbers",
                                   [&](napi_value element) { return read_scalar(raw, element); });
    case Kind::kInt:
      return read_int(raw, value);
    case Kind::kIntList:
      return read_sized_list<int64_t>(raw, value, argument.size, "an array of integers",
                                      [&](napi_value element) { return read_int(raw, element); });
    case Kind::kFloat:
      return read_float(raw, value);
    case Kind::kFloatList:
      return read_sized_list<double>(raw, value, argument.size, "an array of numbers",
                                     [&](napi_value element) { return read_float(raw, element); });
    case Kind::kBool:
      return read_bool(raw, value);
    case Kind::kBoolList:
      return read_sized_list<bool>(raw, value, argument.size, "an array of booleans",
                                   [&](napi_value element) { return read_bool(raw, element); });
    case Kind::kString:
      return read_string(raw, value);
    case Kind::kStringList:
      return read_list<std::string>(raw, value, "an array of strings",
                                    [&](napi_value element) { return read_string(raw, element); });
    case Kind::kScalarType:
      return static_cast<int64_t>(core::dtype_of_code(read_int(raw, value)));
    case Kind::kLayout:
    case Kind::kMemoryFormat:
      return read_int(raw, value);
    case Kind::kDevice:
      return core::parse_device(read_string(raw, value));
    case Kind::kGenerator:
      refuse(raw, value, "no generator: the functions of `random` take keys");
    case Kind::kRejected:
      break;
  }
  refuse(raw, value, "the default, since the argument's type cannot be converted");
}

}  // namespace

c10::IValue read_argument(Env& env, napi_value value, const Argument& argument) {
  double handle = 0;
  if (argument.kind == Kind::kTensor && napi_get_value_double(env.raw, value, &handle) == napi_ok) {
    return env.operand(static_cast<core::Handle>(handle));
  }
  const napi_valuetype type = type_of(env.raw, value);
  if (type == napi_undefined) {
    if (argument.fallback.has_value()) return *argument.fallback;
    if (argument.optional) return c10::IValue();
    throw Error(kArgument, concat("expected an argument '", argument.name, "', got none"));
  }
  if (type == napi_null) {
    if (argument.optional) return c10::IValue();
    // An undefined tensor is how libtorch's internals say "no gradient".
    throw Error(kArgument, concat("expected a value for '", argument.name, "', got null"));
  }
  return read_present(env, value, argument);
}

core::Handle read_handle(napi_env env, napi_value value) {
  double handle = 0;
  if (napi_get_value_double(env, value, &handle) != napi_ok) refuse(env, value, "a handle");
  return static_cast<core::Handle>(handle);
}

std::vector<core::Handle> read_handles(const Napi::Value& value) {
  std::vector<core::Handle> handles;
  // Many handles come in one block of memory, since asking for each element costs more than what is done with it.
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_float64_array) {
    const auto packed = value.As<Napi::Float64Array>();
    handles.reserve(packed.ElementLength());
    const double* const data = packed.Data();
    for (size_t i = 0; i < packed.ElementLength(); ++i) handles.push_back(static_cast<core::Handle>(data[i]));
    return handles;
  }
  if (!is_array(value.Env(), value)) refuse(value.Env(), value, "an array of handles");
  const uint32_t length = length_of(value.Env(), value);
  handles.reserve(length);
  for (uint32_t i = 0; i < length; ++i) handles.push_back(read_handle(value.Env(), element_of(value.Env(), value, i)));
  return handles;
}

std::string describe_argument(Env& env, napi_value value, const Argument& argument) {
  const napi_valuetype type = type_of(env.raw, value);
  if (type == napi_undefined || type == napi_null) return "none";
  if (is_array(env.raw, value)) {
    std::string text = "[";
    const uint32_t length = length_of(env.raw, value);
    const bool number = argument.kind == Kind::kTensor;
    if (number && length == 1) return text_of(env.raw, element_of(env.raw, value, 0));
    for (uint32_t i = 0; i < length; ++i) {
      if (i > 0) text += ", ";
      text += describe_argument(env, element_of(env.raw, value, i), argument);
    }
    return text + "]";
  }
  const bool tensor = argument.kind == Kind::kTensor || argument.kind == Kind::kTensorList ||
                      argument.kind == Kind::kOptionalTensorList;
  if (tensor && type == napi_number) return core::describe(env.slots->get(read_handle(env.raw, value)));
  if (argument.kind == Kind::kScalarType) return core::dtype_name(core::dtype_of_code(read_int(env.raw, value)));
  return text_of(env.raw, value);
}

}  // namespace equinode::napi
