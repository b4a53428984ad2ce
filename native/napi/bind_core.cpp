// Operators, slots and guards: the paths that every call takes. The hot ones use Node-API directly.
#include <array>
#include <memory>
#include <utility>

#include "native/base/error.h"
#include "native/base/scope.h"
#include "native/core/dispatch.h"
#include "native/core/op_table.h"
#include "native/napi/bind.h"
#include "native/napi/failure.h"
#include "native/napi/read.h"
#include "native/napi/write.h"

namespace equinode::napi {

namespace {

// aten's longest schema has 30 arguments (style.md, B6); one more is the operator.
constexpr size_t kMaxArguments = 40;
constexpr size_t kUsualArguments = 6;

std::string describe_call(Env& env, const core::Operator& op, const napi_value* values, size_t count) {
  std::string text;
  for (size_t i = 0; i < count && i < op.arguments.size(); ++i) {
    if (i > 0) text += ", ";
    try {
      text += describe_argument(env, values[i], op.arguments[i]);
    } catch (const std::exception&) {
      text += "a released tensor";
    }
  }
  return text;
}

napi_value call_operator(Env& env, const core::Operator& op, const napi_value* values, size_t count) {
  // The stack's memory is kept from call to call; a call inside another, which only a callback makes, gets its own.
  torch::jit::Stack& stack = env.stack;
  ScopeExit empty([&stack] { stack.clear(); });
  napi_value absent = nullptr;
  if (count < op.arguments.size()) napi_get_undefined(env.raw, &absent);
  for (size_t i = 0; i < op.arguments.size(); ++i) {
    stack.push_back(read_argument(env, i < count ? values[i] : absent, op.arguments[i]));
  }
  core::dispatch(op, stack);
  if (stack.size() == 1) return write_result(env, std::move(stack[0]), op.returns[0]);
  Napi::Array results = Napi::Array::New(env.raw, stack.size());
  for (size_t i = 0; i < stack.size(); ++i) {
    results.Set(static_cast<uint32_t>(i), Napi::Value(env.raw, write_result(env, std::move(stack[i]), op.returns[i])));
  }
  return results;
}

napi_value call(napi_env raw, napi_callback_info info) {
  std::array<napi_value, kMaxArguments> values;
  // Node-API fills the places that no argument came for, so the usual call asks for few.
  size_t count = kUsualArguments;
  void* data = nullptr;
  napi_get_cb_info(raw, info, &count, values.data(), nullptr, &data);
  if (count > kUsualArguments) {
    count = values.size();
    napi_get_cb_info(raw, info, &count, values.data(), nullptr, &data);
  }
  Env& env = *static_cast<Env*>(data);
  uint32_t index = 0;
  napi_get_value_uint32(raw, values[0], &index);
  if (index >= env.operators.size()) {
    return fail(env, Napi::RangeError::New(raw, "equinode: no such operator").Value());
  }
  const core::Operator& op = env.operators[index];
  const size_t given = count - 1 < values.size() - 1 ? count - 1 : values.size() - 1;
  try {
    // A trace would record the operator a second time.
    if (env.trace != nullptr) return call_operator(env, op, values.data() + 1, given);
    return with_memory(env, [&] { return call_operator(env, op, values.data() + 1, given); });
  } catch (const Napi::Error& error) {
    return fail(env, error.Value());
  } catch (...) {
    return fail(env, failure(env, op.public_name, describe_call(env, op, values.data() + 1, given)));
  }
}

Napi::Value resolve(Env& env, const Napi::CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>().Utf8Value();
  const std::string public_name = info[1].As<Napi::String>().Utf8Value();
  const auto [entry, is_new] = env.operator_ids.try_emplace(name + ' ' + public_name, env.operators.size());
  if (is_new) {
    try {
      env.operators.push_back(core::resolve(name, public_name));
    } catch (...) {
      env.operator_ids.erase(entry);
      throw;
    }
  }
  return Napi::Number::New(info.Env(), static_cast<double>(entry->second));
}

Napi::Value schemas(Env&, const Napi::CallbackInfo& info) {
  const std::vector<std::string> texts = core::schemas(info[0].As<Napi::String>().Utf8Value());
  Napi::Array array = Napi::Array::New(info.Env(), texts.size());
  for (size_t i = 0; i < texts.size(); ++i) array.Set(static_cast<uint32_t>(i), texts[i]);
  return array;
}

Napi::Value rejected_kinds(Env&, const Napi::CallbackInfo& info) {
  Napi::Object object = Napi::Object::New(info.Env());
  for (const auto& [kind, reason] : core::rejected_kinds()) object.Set(kind, reason);
  return object;
}

Napi::Value set_error_factory(Env& env, const Napi::CallbackInfo& info) {
  env.error_factory = Napi::Persistent(info[0].As<Napi::Function>());
  env.failed_array = Napi::Persistent(info[1].As<Napi::Int32Array>());
  env.failed = info[1].As<Napi::Int32Array>().Data();
  return info.Env().Undefined();
}

// What a guard owns: see NOTE [slot lifetime]. Small tensors share one, since a guard costs as much as an operator on
// them; they are then released together, once the last of them is collected.
constexpr size_t kGuardGroup = 8;

struct Guard {
  std::shared_ptr<core::SlotTable> slots;
  std::shared_ptr<ExternalMemory> external;
  std::array<core::Handle, kGuardGroup> handles;
  std::array<uint64_t, kGuardGroup> serials;
};

void finalize_guard(node_api_basic_env env, void* data, void*) {
  const std::unique_ptr<Guard> guard(static_cast<Guard*>(data));
  int64_t reported = 0;
  for (size_t i = 0; i < kGuardGroup; ++i) {
    reported += guard->slots->release_serial(guard->handles[i], guard->serials[i]);
  }
  guard->external->add(env, -reported);
}

napi_value guard(napi_env raw, napi_callback_info info) {
  std::array<napi_value, kGuardGroup> values;
  size_t count = values.size();
  void* data = nullptr;
  napi_get_cb_info(raw, info, &count, values.data(), nullptr, &data);
  Env& env = *static_cast<Env*>(data);
  auto owner = std::make_unique<Guard>(Guard{env.slots, env.external, {}, {}});
  for (size_t i = 0; i < count && i < kGuardGroup; ++i) {
    double number = 0;
    napi_get_value_double(raw, values[i], &number);
    owner->handles[i] = static_cast<core::Handle>(number);
    owner->serials[i] = env.slots->serial_of(owner->handles[i]);
    const int64_t bytes = env.slots->owned_bytes(owner->handles[i]);
    if (bytes == 0) continue;
    env.slots->set_reported(owner->handles[i], bytes);
    env.report(bytes);
  }
  napi_value external = nullptr;
  if (napi_create_external(raw, owner.get(), finalize_guard, nullptr, &external) == napi_ok) owner.release();
  return external;
}

napi_value release(napi_env raw, napi_callback_info info) {
  napi_value value = nullptr;
  size_t count = 1;
  void* data = nullptr;
  napi_get_cb_info(raw, info, &count, &value, nullptr, &data);
  double handle = 0;
  napi_get_value_double(raw, value, &handle);
  static_cast<Env*>(data)->release(static_cast<core::Handle>(handle));
  return nullptr;
}

Napi::Value release_many(Env& env, const Napi::CallbackInfo& info) {
  for (const core::Handle handle : read_handles(info[0])) env.release(handle);
  return info.Env().Undefined();
}

void define_raw(Env& env, Napi::Object exports, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env.raw, name, NAPI_AUTO_LENGTH, callback, &env, &function);
  exports.Set(name, function);
}

}  // namespace

void bind_core(Env& env, Napi::Object exports) {
  define_raw(env, exports, "call", call);
  define_raw(env, exports, "guard", guard);
  define_raw(env, exports, "release", release);
  define<release_many>(env, exports, "releaseMany");
  define<resolve>(env, exports, "resolve");
  define<schemas>(env, exports, "schemas");
  define<rejected_kinds>(env, exports, "rejectedKinds");
  define<set_error_factory>(env, exports, "setErrorFactory");
}

}  // namespace equinode::napi
