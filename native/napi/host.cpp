// Calls from operators into JavaScript. See NOTE [native never calls JavaScript] in native/napi/env.h.
#include "native/napi/host.h"

#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <array>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "native/base/carried.h"
#include "native/base/error.h"
#include "native/base/scope.h"
#include "native/effects/check.h"
#include "native/napi/bind.h"
#include "native/napi/failure.h"
#include "native/napi/read.h"
#include "native/napi/write.h"

namespace equinode::napi {

namespace {

// Keeps what JavaScript threw, for `failure` to throw on. It may be anything, undefined too.
[[noreturn]] void fail(Env& env) {
  napi_value thrown = nullptr;
  napi_ref reference = nullptr;
  const bool is_kept = napi_get_and_clear_last_exception(env.raw, &thrown) == napi_ok &&
                       napi_create_reference(env.raw, thrown, 1, &reference) == napi_ok;
  const uint64_t ticket = ++env.tickets;
  if (is_kept) env.thrown.emplace(ticket, reference);
  throw_carried(effects::HostFailed(ticket));
}

std::vector<at::Tensor> run_callback(Env& env, int64_t id, std::vector<at::Tensor> inputs,
                                     const std::vector<int64_t>& batch) {
  const Napi::Env js(env.raw);
  Napi::Array sizes = Napi::Array::New(js, batch.size());
  for (size_t i = 0; i < batch.size(); ++i) sizes.Set(static_cast<uint32_t>(i), static_cast<double>(batch[i]));
  const std::array<napi_value, 3> arguments = {Napi::Number::New(js, static_cast<double>(id)),
                                               write_handles(env, std::move(inputs)), sizes};
  napi_value results = nullptr;
  const napi_status status = napi_call_function(env.raw, js.Undefined(), env.run_callback.Value(), arguments.size(),
                                                arguments.data(), &results);
  if (status != napi_ok) fail(env);
  std::vector<at::Tensor> outputs;
  for (const core::Handle handle : read_handles(Napi::Value(js, results))) outputs.push_back(env.slots->get(handle));
  return outputs;
}

using CallPointer = std::shared_ptr<PendingCalls::Call>;

constexpr const char* kEnded = "async: expected JavaScript to run a callback, got the end of its thread";

void serve(napi_env raw, napi_value, void* context, void* data) {
  const std::unique_ptr<CallPointer> owner(static_cast<CallPointer*>(data));
  PendingCalls::Call& call = **owner;
  std::vector<at::Tensor> outputs;
  std::exception_ptr error;
  try {
    require(raw != nullptr, kTransform, kEnded);
    const Napi::HandleScope scope{Napi::Env(raw)};
    outputs = call_host(*static_cast<Env*>(context), call.id, std::move(call.inputs), call.batch);
  } catch (...) {
    forget_carried();
    error = std::current_exception();
  }
  try {
    error == nullptr ? call.outputs.set_value(std::move(outputs)) : call.outputs.set_exception(error);
  } catch (const std::future_error&) {
    // Answered by `PendingCalls::end` meanwhile.
  }
}

}  // namespace

std::vector<at::Tensor> call_host(Env& env, int64_t id, std::vector<at::Tensor> inputs,
                                  const std::vector<int64_t>& batch) {
  torch::jit::Stack stack = std::exchange(env.stack, {});
  std::string op = std::exchange(env.op, {});
  std::unique_ptr<Env::Trace> trace = std::move(env.trace);
  std::vector<Env::Capture> captures = std::exchange(env.captures, {});
  const ScopeExit restore([&] {
    env.stack = std::move(stack);
    env.op = std::move(op);
    env.captures = std::move(captures);
    env.trace = std::move(trace);
  });
  const c10::impl::ForceDispatchKeyGuard keys(env.dispatch_keys);
  const transform::CleanContext no_layers;
  c10::GradMode::set_enabled(true);
  return run_callback(env, id, std::move(inputs), batch);
}

std::vector<at::Tensor> call_rule(Env& env, napi_value function, const std::vector<napi_value>& arguments) {
  require(std::this_thread::get_id() == env.thread, kTransform,
          "expected a custom rule to run on JavaScript's thread, got another; derivatives are nested too deeply");
  torch::jit::Stack stack = std::exchange(env.stack, {});
  std::string op = std::exchange(env.op, {});
  const ScopeExit restore([&] {
    env.stack = std::move(stack);
    env.op = std::move(op);
  });
  env.given.clear();
  napi_value undefined = nullptr;
  napi_get_undefined(env.raw, &undefined);
  const napi_status status =
      napi_call_function(env.raw, undefined, function, arguments.size(), arguments.data(), nullptr);
  if (status != napi_ok) fail(env);
  return std::exchange(env.given, {});
}

bool PendingCalls::add(const std::shared_ptr<Call>& call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!ended_) calls_.insert(call);
  return !ended_;
}

void PendingCalls::remove(const std::shared_ptr<Call>& call) {
  const std::lock_guard<std::mutex> lock(mutex_);
  calls_.erase(call);
}

void PendingCalls::end() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  for (const std::shared_ptr<Call>& call : calls_) {
    try {
      call->outputs.set_exception(std::make_exception_ptr(Error(kTransform, kEnded)));
    } catch (const std::future_error&) {
      // Answered already.
    }
  }
}

HostBridge::HostBridge(Env& env) : pending_(env.pending_calls) {
  napi_value name = nullptr;
  napi_create_string_utf8(env.raw, "equinode.callback", NAPI_AUTO_LENGTH, &name);
  const napi_status status =
      napi_create_threadsafe_function(env.raw, nullptr, nullptr, name, 0, 1, nullptr, nullptr, &env, serve, &function_);
  require(status == napi_ok, kTransform, "async: JavaScript cannot be reached from another thread");
}

HostBridge::~HostBridge() { napi_release_threadsafe_function(function_, napi_tsfn_release); }

effects::HostCall HostBridge::caller() {
  return [function = function_, pending = pending_](int64_t id, std::vector<at::Tensor> inputs,
                                                    std::vector<int64_t> batch) {
    auto call = std::make_shared<PendingCalls::Call>(PendingCalls::Call{id, std::move(inputs), std::move(batch), {}});
    std::future<std::vector<at::Tensor>> outputs = call->outputs.get_future();
    if (!pending->add(call)) throw_carried(Error(kTransform, kEnded));
    const ScopeExit forget([&] { pending->remove(call); });
    auto owner = std::make_unique<CallPointer>(call);
    if (napi_call_threadsafe_function(function, owner.get(), napi_tsfn_blocking) != napi_ok) {
      throw_carried(Error(kTransform, kEnded));
    }
    owner.release();
    try {
      return outputs.get();
    } catch (const effects::HostFailed& error) {
      throw_carried(effects::HostFailed(error));
    } catch (const Error& error) {
      throw_carried(Error(error));
    }
  };
}

namespace {

Napi::Value set_callback_runner(Env& env, const Napi::CallbackInfo& info) {
  env.run_callback = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value end_callbacks(Env& env, const Napi::CallbackInfo& info) {
  env.pending_calls->end();
  return info.Env().Undefined();
}

Napi::Value take_failed_check(Env&, const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), effects::take_failed_check());
}

}  // namespace

void bind_host(Env& env, Napi::Object exports) {
  define<set_callback_runner>(env, exports, "setCallbackRunner");
  define<take_failed_check>(env, exports, "takeFailedCheck");
  define<end_callbacks>(env, exports, "endCallbacks");
}

}  // namespace equinode::napi
