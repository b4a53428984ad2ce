// TorchScript files.
#include <memory>
#include <utility>

#include "native/base/error.h"
#include "native/core/op_table.h"
#include "native/napi/bind.h"
#include "native/napi/failure.h"
#include "native/napi/read.h"
#include "native/napi/write.h"
#include "native/trace/script.h"

namespace equinode::napi {

namespace {

using ScriptPointer = std::shared_ptr<const trace::Script>;

const ScriptPointer& script_at(const Napi::CallbackInfo& info) {
  return *info[0].As<Napi::External<ScriptPointer>>().Data();
}

Napi::Array describe_tensors(Env& env, const trace::Script& script) {
  const Napi::Env js(env.raw);
  Napi::Array list = Napi::Array::New(js, script.tensors().size());
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const trace::ScriptTensor& tensor = script.tensors()[i];
    Napi::Object entry = Napi::Object::New(js);
    entry.Set("name", tensor.name);
    entry.Set("handle", Napi::Value(js, env.to_js(tensor.value)));
    entry.Set("isParameter", tensor.is_parameter);
    list.Set(i, entry);
  }
  return list;
}

Napi::Array describe_arguments(Env& env, const trace::Script& script) {
  const Napi::Env js(env.raw);
  Napi::Array list = Napi::Array::New(js, script.arguments().size());
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const c10::Argument& argument = script.arguments()[i];
    Napi::Object entry = Napi::Object::New(js);
    entry.Set("name", argument.name());
    entry.Set("type", argument.type()->annotation_str());
    entry.Set("hasDefault", argument.default_value().has_value());
    list.Set(i, entry);
  }
  return list;
}

Napi::Value load_script(Env& env, const Napi::CallbackInfo& info) {
  const ScriptPointer script = trace::Script::load(info[0].As<Napi::String>().Utf8Value());
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("tensors", describe_tensors(env, *script));
  result.Set("arguments", describe_arguments(env, *script));
  result.Set("script", Napi::External<ScriptPointer>::New(info.Env(), std::make_unique<ScriptPointer>(script).release(),
                                                          [](Napi::BasicEnv, ScriptPointer* data) { delete data; }));
  return result;
}

// A result as JavaScript sees it: a tensor as {handle}, a dict as {keys, values}, lists and tuples as arrays.
Napi::Value write_value(Env& env, const c10::IValue& value) {
  const Napi::Env js(env.raw);
  if (value.isTensor()) {
    Napi::Object object = Napi::Object::New(js);
    object.Set("handle", Napi::Value(js, env.to_js(value.toTensor())));
    return object;
  }
  if (value.isTuple() || value.isList()) {
    const std::vector<c10::IValue> items =
        value.isTuple() ? value.toTupleRef().elements().vec() : value.toListRef().vec();
    Napi::Array array = Napi::Array::New(js, items.size());
    for (size_t i = 0; i < items.size(); ++i) array.Set(static_cast<uint32_t>(i), write_value(env, items[i]));
    return array;
  }
  if (value.isGenericDict()) {
    const auto dict = value.toGenericDict();
    Napi::Object object = Napi::Object::New(js);
    Napi::Array keys = Napi::Array::New(js, dict.size());
    Napi::Array values = Napi::Array::New(js, dict.size());
    uint32_t i = 0;
    for (const auto& entry : dict) {
      keys.Set(i, write_value(env, entry.key()));
      values.Set(i++, write_value(env, entry.value()));
    }
    object.Set("keys", keys);
    object.Set("values", values);
    return object;
  }
  return Napi::Value(js, write_result(env, value, core::Kind::kRejected));
}

Napi::Value run_script(Env& env, const Napi::CallbackInfo& info) {
  env.op = info[3].As<Napi::String>().Utf8Value();
  const ScriptPointer script = script_at(info);
  std::vector<at::Tensor> tensors;
  for (const core::Handle handle : read_handles(info[1])) tensors.push_back(env.operand(handle));
  const Napi::Array given = info[2].As<Napi::Array>();
  std::vector<c10::IValue> arguments;
  for (uint32_t i = 0; i < script->arguments().size(); ++i) {
    const core::Argument argument = core::argument_of(script->arguments()[i]);
    arguments.push_back(read_argument(env, given.Get(i), argument));
  }
  return write_value(env, with_memory(env, [&] { return script->run(tensors, arguments); }));
}

Napi::Value script_graph(Env&, const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), script_at(info)->text());
}

}  // namespace

void bind_script(Env& env, Napi::Object exports) {
  define<load_script>(env, exports, "loadScript");
  define<run_script>(env, exports, "runScript");
  define<script_graph>(env, exports, "scriptGraph");
}

}  // namespace equinode::napi
