#include "native/napi/write.h"

#include <ATen/ATen.h>

#include <utility>

#include "native/base/error.h"

namespace equinode::napi {

namespace {

constexpr int64_t kSafeInteger = 9007199254740991;

napi_value write_int(napi_env env, int64_t value) {
  napi_value result = nullptr;
  if (value > kSafeInteger || value < -kSafeInteger) {
    napi_create_bigint_int64(env, value, &result);
  } else {
    napi_create_int64(env, value, &result);
  }
  return result;
}

napi_value write_unsigned(napi_env env, uint64_t value) {
  if (value <= static_cast<uint64_t>(kSafeInteger)) return write_int(env, static_cast<int64_t>(value));
  napi_value result = nullptr;
  napi_create_bigint_uint64(env, value, &result);
  return result;
}

napi_value write_scalar(napi_env env, const at::Scalar& scalar) {
  if (scalar.isComplex()) {
    const auto value = scalar.toComplexDouble();
    Napi::Object object = Napi::Object::New(env);
    object.Set("re", value.real());
    object.Set("im", value.imag());
    return object;
  }
  if (scalar.isBoolean()) return Napi::Boolean::New(env, scalar.toBool());
  if (scalar.isUnsigned()) return write_unsigned(env, scalar.toUInt64());
  if (scalar.isIntegral(false)) return write_int(env, scalar.toLong());
  return Napi::Number::New(env, scalar.toDouble());
}

}  // namespace

napi_value write_result(Env& env, c10::IValue value, core::Kind kind) {
  const Napi::Env js(env.raw);
  if (value.isNone()) return js.Null();
  if (value.isTensor()) return env.to_js(std::move(value).toTensor());
  if (value.isBool()) return Napi::Boolean::New(js, value.toBool());
  if (value.isInt()) return write_int(env.raw, value.toInt());
  if (value.isUnsigned()) return write_unsigned(env.raw, value.toUInt());
  if (value.isDouble()) return Napi::Number::New(js, value.toDouble());
  if (value.isScalar()) return write_scalar(env.raw, value.toScalar());
  if (value.isString()) return Napi::String::New(js, value.toStringRef());
  if (value.isDevice()) return Napi::String::New(js, value.toDevice().str());
  if (value.isList()) {
    const auto elements = value.toListRef();
    Napi::Array array = Napi::Array::New(js, elements.size());
    for (size_t i = 0; i < elements.size(); ++i) {
      array.Set(static_cast<uint32_t>(i), Napi::Value(js, write_result(env, elements[i], kind)));
    }
    return array;
  }
  throw Error(kOperator, concat("returns a ", value.tagKind(), ", which cannot be converted"));
}

Napi::Value write_packed_handles(Env& env, std::vector<at::Tensor> tensors) {
  constexpr size_t kWorthPacking = 16;
  if (tensors.size() < kWorthPacking) return write_handles(env, std::move(tensors));
  auto packed = Napi::Float64Array::New(Napi::Env(env.raw), tensors.size());
  double* const data = packed.Data();
  for (size_t i = 0; i < tensors.size(); ++i) data[i] = static_cast<double>(env.add(std::move(tensors[i])));
  return packed;
}

Napi::Array write_handles(Env& env, std::vector<at::Tensor> tensors) {
  const Napi::Env js(env.raw);
  Napi::Array array = Napi::Array::New(js, tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    array.Set(static_cast<uint32_t>(i), Napi::Value(js, env.to_js(std::move(tensors[i]))));
  }
  return array;
}

}  // namespace equinode::napi
