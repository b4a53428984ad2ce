#pragma once

#include <napi.h>

#include <string>

#include "native/napi/env.h"

namespace equinode::napi {

// Makes the JavaScript error of the C++ exception in flight. `op` is the user's name for what failed; `given`
// describes the arguments, and is empty where they say nothing.
Napi::Value failure(Env& env, const std::string& op, const std::string& given = "");

// One wrapper for every export: C++ exceptions become JavaScript errors with code and op.
template <Napi::Value (*kExport)(Env&, const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  Env& env = *static_cast<Env*>(info.Data());
  try {
    return kExport(env, info);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw Napi::Error(info.Env(), failure(env, ""));
  }
}

template <Napi::Value (*kExport)(Env&, const Napi::CallbackInfo&)>
void define(Env& env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<kExport>>(exports.Env(), name, &env));
}

}  // namespace equinode::napi
