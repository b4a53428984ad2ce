#include <napi.h>

#include "native/napi/bind.h"
#include "native/napi/env.h"
#include "native/napi/process.h"

namespace {

Napi::Object load(Napi::Env env, Napi::Object exports) {
  equinode::napi::prepare_process();
  equinode::napi::Env& state = equinode::napi::attach(env);
  equinode::napi::bind_core(state, exports);
  equinode::napi::bind_tensor(state, exports);
  equinode::napi::bind_autograd(state, exports);
  equinode::napi::bind_transform(state, exports);
  equinode::napi::bind_trace(state, exports);
  equinode::napi::bind_host(state, exports);
  equinode::napi::bind_script(state, exports);
  equinode::napi::bind_control(state, exports);
  equinode::napi::bind_rules(state, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(equinode, load)
