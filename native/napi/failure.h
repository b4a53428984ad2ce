#pragma once

#include <napi.h>

#include <string>

#include "native/napi/env.h"

namespace equinode::napi {

// Makes the JavaScript error of the C++ exception in flight. `op` is the user's name for what failed; `given`
// describes the arguments, and is empty where they say nothing.
Napi::Value failure(Env& env, const std::string& op, const std::string& given = "");

// NOTE [errors are returned]: an export that fails returns the error and raises a flag that JavaScript sees;
// lib/native.ts throws it there. An exception that is pending when an export returns would be thrown by Node-API, which
// allocates: when that collects garbage, Node-API takes the exception for one of the finalizers that run then, and ends
// the process.
napi_value fail(Env& env, napi_value error);

// Whether the C++ exception in flight says that the host or the device has no memory left.
bool is_out_of_memory();

// Runs something that allocates; when there is no memory left, collects garbage and tries once more.
template <typename Run>
auto with_memory(Env& env, Run run) {
  try {
    return run();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    if (!is_out_of_memory()) throw;
  }
  env.collect();
  return run();
}

// One wrapper for every export: C++ exceptions become JavaScript errors with code and op.
template <Napi::Value (*kExport)(Env&, const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  Env& env = *static_cast<Env*>(info.Data());
  env.op.clear();
  try {
    return kExport(env, info);
  } catch (const Napi::Error& error) {
    return Napi::Value(env.raw, fail(env, error.Value()));
  } catch (...) {
    return Napi::Value(env.raw, fail(env, failure(env, env.op)));
  }
}

template <Napi::Value (*kExport)(Env&, const Napi::CallbackInfo&)>
void define(Env& env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<kExport>>(exports.Env(), name, &env));
}

}  // namespace equinode::napi
