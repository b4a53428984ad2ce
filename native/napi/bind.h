#pragma once

#include "native/napi/env.h"

namespace equinode::napi {

// Each adds its functions to the exports; lib/native.ts is their typed face.
void bind_core(Env& env, Napi::Object exports);
void bind_tensor(Env& env, Napi::Object exports);
void bind_autograd(Env& env, Napi::Object exports);
void bind_transform(Env& env, Napi::Object exports);
void bind_trace(Env& env, Napi::Object exports);
void bind_host(Env& env, Napi::Object exports);
void bind_script(Env& env, Napi::Object exports);
void bind_control(Env& env, Napi::Object exports);
void bind_rules(Env& env, Napi::Object exports);

}  // namespace equinode::napi
