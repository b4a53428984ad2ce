// Functions with derivatives of their own: see NOTE [custom rules] in native/transform/rule_node.h.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "native/base/error.h"
#include "native/base/scope.h"
#include "native/core/dispatch.h"
#include "native/napi/bind.h"
#include "native/napi/failure.h"
#include "native/napi/host.h"
#include "native/napi/read.h"
#include "native/napi/write.h"
#include "native/trace/recorder.h"
#include "native/trace/shapes.h"
#include "native/transform/custom_call.h"
#include "native/transform/dual.h"
#include "native/transform/grad.h"
#include "native/transform/rule_node.h"

namespace equinode::napi {

namespace {

int64_t integer_at(const Napi::CallbackInfo& info, size_t position) {
  return info[position].As<Napi::Number>().Int64Value();
}

// 0 stands for an undefined tensor.
at::Tensor optional_operand(Env& env, core::Handle handle) { return handle == 0 ? at::Tensor() : env.operand(handle); }

at::Tensor operand_at(Env& env, const Napi::CallbackInfo& info, size_t position) {
  return optional_operand(env, read_handle(info.Env(), info[position]));
}

std::vector<at::Tensor> operands_at(Env& env, const Napi::CallbackInfo& info, size_t position) {
  std::vector<at::Tensor> tensors;
  for (const core::Handle handle : read_handles(info[position])) tensors.push_back(optional_operand(env, handle));
  return tensors;
}

// A function of JavaScript that a node of autograd's graph keeps, which may go on any thread.
class KeptFunction {
 public:
  KeptFunction(Env& env, const Napi::Value& function) : env_(env), buffers_(env.buffers) {
    napi_create_reference(env.raw, function, 1, &reference_);
  }
  ~KeptFunction() { buffers_->retire(reference_); }
  KeptFunction(const KeptFunction&) = delete;
  KeptFunction& operator=(const KeptFunction&) = delete;

  std::vector<at::Tensor> call(const std::vector<at::Tensor>& first, const std::vector<at::Tensor>& second,
                               bool flag) const {
    const Napi::HandleScope scope{Napi::Env(env_.raw)};
    napi_value function = nullptr;
    napi_get_reference_value(env_.raw, reference_, &function);
    return call_rule(env_, function,
                     {write_handles(env_, first), write_handles(env_, second), Napi::Boolean::New(env_.raw, flag)});
  }

 private:
  Env& env_;
  std::shared_ptr<RetiredBuffers> buffers_;
  napi_ref reference_ = nullptr;
};

Napi::Value top_layer(Env&, const Napi::CallbackInfo& info) {
  const transform::Layer layer = transform::top_layer();
  if (layer.kind == transform::LayerKind::kNone) return info.Env().Null();
  Napi::Object object = Napi::Object::New(info.Env());
  const char* kind = "jvp";
  if (layer.kind == transform::LayerKind::kVmap) kind = "vmap";
  if (layer.kind == transform::LayerKind::kGrad) kind = "grad";
  object.Set("kind", kind);
  object.Set("level", static_cast<double>(layer.level));
  object.Set("size", static_cast<double>(layer.size));
  object.Set("axisName", layer.axis);
  return object;
}

// Puts the innermost layer aside until `raise`; gives what `raise` is to be called with.
Napi::Value lower(Env& env, const Napi::CallbackInfo& info) {
  env.lowered.push_back(std::make_unique<transform::LoweredContext>());
  return Napi::Number::New(info.Env(), static_cast<double>(env.lowered.size() - 1));
}

Napi::Value raise(Env& env, const Napi::CallbackInfo& info) {
  const auto count = static_cast<size_t>(integer_at(info, 0));
  while (env.lowered.size() > count) env.lowered.pop_back();
  return info.Env().Undefined();
}

Env::Capture::Mode mode_of(const std::string& name) {
  using Mode = Env::Capture::Mode;
  if (name == "below") return Mode::kBelow;
  if (name == "in place") return Mode::kInPlace;
  if (name == "replace") return Mode::kReplace;
  require(name == "collect", kArgument, "no such mode of a capture: ", name);
  return Mode::kCollect;
}

Env::Capture new_capture(const Env& env, int64_t level, std::string refusal) {
  Env::Capture capture;
  capture.serial = env.slots->serial();
  capture.level = level;
  capture.in_trace = env.trace != nullptr;
  capture.refusal = std::move(refusal);
  return capture;
}

// (mode, level, refusal, handles, stand-ins): see NOTE [captured variables of a rule].
Napi::Value begin_capture(Env& env, const Napi::CallbackInfo& info) {
  Env::Capture capture = new_capture(env, integer_at(info, 1), info[2].As<Napi::String>().Utf8Value());
  const std::vector<core::Handle> handles = read_handles(info[3]);
  const std::vector<at::Tensor> stand_ins = operands_at(env, info, 4);
  for (size_t i = 0; i < handles.size(); ++i) capture.stand_ins.emplace(handles[i], stand_ins[i]);
  capture.in_trace = env.trace != nullptr;
  capture.mode = mode_of(info[0].As<Napi::String>().Utf8Value());
  capture.refusal = info[2].As<Napi::String>().Utf8Value();
  env.captures.push_back(std::move(capture));
  return Napi::Number::New(info.Env(), static_cast<double>(env.captures.size() - 1));
}

// Ends captures until as many are left; gives the tensors that the outermost of them found.
Napi::Value end_capture(Env& env, const Napi::CallbackInfo& info) {
  const auto count = static_cast<size_t>(integer_at(info, 0));
  require(count < env.captures.size(), kTransform, "no capture is active");
  const Env::Capture capture = std::move(env.captures[count]);
  env.captures.resize(count);
  Napi::Array handles = Napi::Array::New(info.Env(), capture.found.size());
  std::vector<at::Tensor> tensors;
  for (size_t i = 0; i < capture.found.size(); ++i) {
    handles.Set(static_cast<uint32_t>(i), static_cast<double>(capture.found[i].first));
    tensors.push_back(capture.found[i].second);
  }
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("handles", handles);
  result.Set("tensors", write_handles(env, std::move(tensors)));
  result.Set("foundTraced", capture.found_traced);
  return result;
}

Napi::Value is_watched(Env& env, const Napi::CallbackInfo& info) {
  const int64_t level = integer_at(info, 1);
  if (level == 0 && !core::requires_grad_was_used()) return Napi::Boolean::New(info.Env(), false);
  return Napi::Boolean::New(info.Env(), transform::is_watched(operand_at(env, info, 0), level));
}

// (outputs, inputs, residuals, level, refusal, backward): without a refusal the backward part sees to captured
// variables itself.
Napi::Value attach_rule(Env& env, const Napi::CallbackInfo& info) {
  auto function = std::make_shared<KeptFunction>(env, info[5]);
  const int64_t level = integer_at(info, 3);
  const bool is_capturing = level > 0 && info[4].IsString();
  const std::string refusal = info[4].IsString() ? info[4].As<Napi::String>().Utf8Value() : "";
  const auto backward = [&env, function, level, is_capturing, refusal](const std::vector<at::Tensor>& cotangents,
                                                                       const std::vector<at::Tensor>& residuals,
                                                                       bool has_ended) {
    const size_t count = env.captures.size();
    const ScopeExit end([&env, count] { env.captures.resize(count); });
    if (is_capturing && !has_ended) env.captures.push_back(new_capture(env, level, refusal));
    return function->call(cotangents, residuals, has_ended);
  };
  return write_handles(env, transform::attach_rule(operands_at(env, info, 0), operands_at(env, info, 1),
                                                   operands_at(env, info, 2), level, backward));
}

Napi::Value pull_back(Env& env, const Napi::CallbackInfo& info) {
  env.op = "vjp";
  const bool autograd_records = core::requires_grad_was_used() && transform::grad_mode_outside();
  const bool has_ended = info[4].As<Napi::Boolean>().Value();
  const int64_t level = has_ended ? transform::kEnded : integer_at(info, 3);
  // While the level is there, what it computes must be differentiable for those below it alone.
  const int64_t depth = transform::depth() + (has_ended ? 1 : 0);
  const bool create_graph = transform::has_derivative_below(depth) || autograd_records;
  return write_handles(env, transform::pull_back(operands_at(env, info, 0), operands_at(env, info, 1),
                                                 operands_at(env, info, 2), level, create_graph));
}

Napi::Value make_dual(Env& env, const Napi::CallbackInfo& info) {
  return Napi::Value(info.Env(), env.to_js(transform::make_dual(operand_at(env, info, 0), operand_at(env, info, 1),
                                                                integer_at(info, 2))));
}

Napi::Value unpack_dual(Env& env, const Napi::CallbackInfo& info) {
  auto [primal, tangent] = transform::unpack_dual(operand_at(env, info, 0), integer_at(info, 1));
  return write_handles(env, {std::move(primal), std::move(tangent)});
}

// What JavaScript's part of a rule returns, to native's call of it.
Napi::Value give(Env& env, const Napi::CallbackInfo& info) {
  env.given = operands_at(env, info, 0);
  return info.Env().Undefined();
}

// Notes the call of a function with a rule of its own in the trace in progress: (inputs, outputs, id).
Napi::Value record_call(Env& env, const Napi::CallbackInfo& info) {
  trace::Recorder* recorder = trace::Recorder::current();
  require(recorder != nullptr, kTransform, "jit: no trace is active");
  return write_handles(
      env, recorder->add_custom_call(operands_at(env, info, 0), operands_at(env, info, 1), integer_at(info, 2)));
}

std::vector<at::Tensor> call_program_rule(Env& env, napi_value function, int64_t id, std::vector<at::Tensor> inputs) {
  return call_rule(
      env, function,
      {Napi::Number::New(Napi::Env(env.raw), static_cast<double>(id)), write_handles(env, std::move(inputs))});
}

// Sets the function that calls of programs go to: (id, input handles), which passes its results to `give`.
Napi::Value set_custom_calls(Env& env, const Napi::CallbackInfo& info) {
  auto function = std::make_shared<Napi::FunctionReference>(Napi::Persistent(info[0].As<Napi::Function>()));
  function->SuppressDestruct();
  transform::set_custom_call([&env, function](int64_t id, std::vector<at::Tensor> inputs) {
    const Napi::HandleScope scope{Napi::Env(env.raw)};
    // Control flow derives its bodies in traces of its own, of which the trace of JavaScript knows nothing.
    const bool is_own = env.trace == nullptr ? trace::Recorder::current() == nullptr
                                             : trace::Recorder::current() == &env.trace->recorder;
    if (is_own) return call_program_rule(env, function->Value(), id, std::move(inputs));
    std::unique_ptr<Env::Trace> trace = std::move(env.trace);
    std::vector<Env::Capture> captures = std::exchange(env.captures, {});
    const ScopeExit restore([&] {
      env.captures = std::move(captures);
      env.trace = std::move(trace);
    });
    return call_program_rule(env, function->Value(), id, std::move(inputs));
  });
  return info.Env().Undefined();
}

Napi::Value recording(Env&, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), trace::Recorder::current() != nullptr && !trace::in_shapes());
}

}  // namespace

void bind_rules(Env& env, Napi::Object exports) {
  define<top_layer>(env, exports, "topLayer");
  define<lower>(env, exports, "lower");
  define<raise>(env, exports, "raise");
  define<begin_capture>(env, exports, "beginCapture");
  define<end_capture>(env, exports, "endCapture");
  define<is_watched>(env, exports, "isWatched");
  define<attach_rule>(env, exports, "attachRule");
  define<pull_back>(env, exports, "pullBack");
  define<make_dual>(env, exports, "makeDual");
  define<unpack_dual>(env, exports, "unpackDual");
  define<give>(env, exports, "give");
  define<record_call>(env, exports, "recordCall");
  define<recording>(env, exports, "recording");
  define<set_custom_calls>(env, exports, "setCustomCalls");
}

}  // namespace equinode::napi
