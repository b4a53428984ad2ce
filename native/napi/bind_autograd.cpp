// libtorch's own autograd, for those who want it.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "native/base/error.h"
#include "native/core/dispatch.h"
#include "native/napi/bind.h"
#include "native/napi/failure.h"
#include "native/napi/read.h"
#include "native/napi/write.h"

namespace equinode::napi {

namespace {

std::vector<at::Tensor> tensors_at(Env& env, const Napi::Value& value) {
  std::vector<at::Tensor> tensors;
  for (const core::Handle handle : read_handles(value)) {
    tensors.push_back(handle == 0 ? at::Tensor() : env.slots->get(handle));
  }
  return tensors;
}

Napi::Value requires_grad(Env& env, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), env.slots->get(read_handle(info.Env(), info[0])).requires_grad());
}

Napi::Value set_requires_grad(Env& env, const Napi::CallbackInfo& info) {
  env.op = "requiresGrad_";
  const at::Tensor& tensor = env.slots->get(read_handle(info.Env(), info[0]));
  const bool value = info[1].As<Napi::Boolean>().Value();
  require(
      value || tensor.is_leaf(), kOperator,
      "expected a tensor that was not itself computed from one that requires gradients. Use detach() to cut it off");
  tensor.set_requires_grad(value);
  core::note_requires_grad();
  return info.Env().Undefined();
}

Napi::Value grad_of(Env& env, const Napi::CallbackInfo& info) {
  const at::Tensor& grad = env.slots->get(read_handle(info.Env(), info[0])).grad();
  return Napi::Value(info.Env(), env.to_js(grad));
}

Napi::Value set_grad(Env& env, const Napi::CallbackInfo& info) {
  const core::Handle grad = read_handle(info.Env(), info[1]);
  env.slots->get(read_handle(info.Env(), info[0])).mutable_grad() = grad == 0 ? at::Tensor() : env.slots->get(grad);
  return info.Env().Undefined();
}

Napi::Value autograd_grad(Env& env, const Napi::CallbackInfo& info) {
  env.op = "autograd.grad";
  return write_handles(
      env, torch::autograd::grad(tensors_at(env, info[0]), tensors_at(env, info[1]), tensors_at(env, info[2]),
                                 info[3].As<Napi::Boolean>().Value(), info[4].As<Napi::Boolean>().Value(),
                                 info[5].As<Napi::Boolean>().Value()));
}

Napi::Value autograd_backward(Env& env, const Napi::CallbackInfo& info) {
  env.op = "autograd.backward";
  torch::autograd::backward(tensors_at(env, info[0]), tensors_at(env, info[1]), info[2].As<Napi::Boolean>().Value(),
                            info[3].As<Napi::Boolean>().Value());
  return info.Env().Undefined();
}

Napi::Value set_grad_mode(Env&, const Napi::CallbackInfo& info) {
  const bool found = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(info[0].As<Napi::Boolean>().Value());
  return Napi::Boolean::New(info.Env(), found);
}

}  // namespace

void bind_autograd(Env& env, Napi::Object exports) {
  define<requires_grad>(env, exports, "requiresGrad");
  define<set_requires_grad>(env, exports, "setRequiresGrad");
  define<grad_of>(env, exports, "gradOf");
  define<set_grad>(env, exports, "setGrad");
  define<autograd_grad>(env, exports, "autogradGrad");
  define<autograd_backward>(env, exports, "autogradBackward");
  define<set_grad_mode>(env, exports, "setGradMode");
}

}  // namespace equinode::napi
