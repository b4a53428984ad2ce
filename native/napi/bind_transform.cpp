// Layers of transforms. See NOTE [level order and unwinding] in native/transform/level.h.
#include "native/core/dispatch.h"
#include "native/napi/bind.h"
#include "native/napi/failure.h"
#include "native/napi/read.h"
#include "native/napi/write.h"
#include "native/trace/forward_decompositions.h"
#include "native/transform/grad.h"
#include "native/transform/level.h"
#include "native/transform/vmap.h"

namespace equinode::napi {

namespace {

int64_t integer_at(const Napi::CallbackInfo& info, size_t position) {
  return info[position].As<Napi::Number>().Int64Value();
}

at::Tensor operand_at(Env& env, const Napi::CallbackInfo& info, size_t position) {
  return env.operand(read_handle(info.Env(), info[position]));
}

Napi::Value push_vmap(Env&, const Napi::CallbackInfo& info) {
  const std::string axis = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  return Napi::Number::New(info.Env(), static_cast<double>(transform::push_vmap(integer_at(info, 0), axis)));
}

Napi::Value push_jvp(Env&, const Napi::CallbackInfo& info) {
  trace::register_forward_decompositions();
  return Napi::Number::New(info.Env(), static_cast<double>(transform::push_jvp()));
}

Napi::Value named_axes(Env&, const Napi::CallbackInfo& info) {
  const std::vector<transform::NamedAxis> axes = transform::named_axes();
  Napi::Array list = Napi::Array::New(info.Env(), axes.size());
  for (uint32_t i = 0; i < list.Length(); ++i) {
    Napi::Object axis = Napi::Object::New(info.Env());
    axis.Set("name", axes[i].name);
    axis.Set("size", static_cast<double>(axes[i].size));
    list.Set(i, axis);
  }
  return list;
}

Napi::Value push_grad(Env&, const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(transform::push_grad()));
}

Napi::Value depth(Env&, const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(transform::depth()));
}

Napi::Value unwind(Env&, const Napi::CallbackInfo& info) {
  transform::unwind(integer_at(info, 0));
  return info.Env().Undefined();
}

Napi::Value batch(Env& env, const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(),
                     env.to_js(transform::batch(operand_at(env, info, 0), integer_at(info, 1), integer_at(info, 2))));
}

Napi::Value unbatch(Env& env, const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), env.to_js(transform::unbatch(operand_at(env, info, 0), integer_at(info, 1),
                                                              integer_at(info, 2), integer_at(info, 3))));
}

Napi::Value is_batched(Env& env, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), transform::is_batched(operand_at(env, info, 0), integer_at(info, 1)));
}

Napi::Value wrap_grad(Env& env, const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), env.to_js(transform::wrap_grad(operand_at(env, info, 0), integer_at(info, 1))));
}

Napi::Value unwrap_grad(Env& env, const Napi::CallbackInfo& info) {
  const at::Tensor tensor = operand_at(env, info, 0);
  const int64_t level = integer_at(info, 1);
  if (!transform::is_wrapped(tensor, level)) return Napi::Number::New(info.Env(), 0);
  return Napi::Value(info.Env(), env.to_js(transform::unwrap_grad(tensor, level)));
}

Napi::Value gradients(Env& env, const Napi::CallbackInfo& info) {
  env.op = "grad";
  std::vector<at::Tensor> inputs;
  for (const core::Handle handle : read_handles(info[1])) inputs.push_back(env.slots->get(handle));
  const bool autograd_records = core::requires_grad_was_used() && transform::grad_mode_outside();
  const bool create_graph = transform::has_derivative_below(transform::depth()) || autograd_records;
  return write_handles(env, transform::gradients(operand_at(env, info, 0), inputs, integer_at(info, 2), create_graph));
}

}  // namespace

void bind_transform(Env& env, Napi::Object exports) {
  define<push_vmap>(env, exports, "pushVmap");
  define<push_grad>(env, exports, "pushGrad");
  define<push_jvp>(env, exports, "pushJvp");
  define<named_axes>(env, exports, "namedAxes");
  define<depth>(env, exports, "depth");
  define<unwind>(env, exports, "unwind");
  define<batch>(env, exports, "batch");
  define<unbatch>(env, exports, "unbatch");
  define<is_batched>(env, exports, "isBatched");
  define<wrap_grad>(env, exports, "wrapGrad");
  define<unwrap_grad>(env, exports, "unwrapGrad");
  define<gradients>(env, exports, "gradients");
}

}  // namespace equinode::napi
