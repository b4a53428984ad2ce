// Traces and the programs that come of them.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "native/base/error.h"
#include "native/napi/bind.h"
#include "native/napi/failure.h"
#include "native/napi/host.h"
#include "native/napi/program.h"
#include "native/napi/read.h"
#include "native/napi/write.h"
#include "native/trace/shapes.h"

namespace equinode::napi {

std::vector<at::Tensor> operands_of(Env& env, const Napi::Value& handles) {
  std::vector<at::Tensor> tensors;
  for (const core::Handle handle : read_handles(handles)) tensors.push_back(env.operand(handle));
  return tensors;
}

Napi::Value write_program(Napi::Env js, ProgramPointer program) {
  return Napi::External<ProgramPointer>::New(js, new ProgramPointer(std::move(program)),
                                             [](Napi::BasicEnv, ProgramPointer* data) { delete data; });
}

namespace {

const ProgramPointer& program_at(const Napi::CallbackInfo& info) { return program_of(info[0]); }

void close_trace(Env& env) {
  std::unique_ptr<Env::Trace> outer = std::move(env.trace->outer);
  env.trace = std::move(outer);
}

Napi::Value begin_trace(Env& env, const Napi::CallbackInfo& info) {
  const std::vector<at::Tensor> examples = operands_of(env, info[0]);
  env.trace = std::make_unique<Env::Trace>(std::move(env.trace));
  env.trace->serial = env.slots->serial();
  const std::string kind = info[1].As<Napi::String>().Utf8Value();
  env.trace->is_body = kind == "body";
  env.trace->is_closed = kind == "closed";
  std::vector<at::Tensor> inputs;
  try {
    for (const at::Tensor& example : examples) inputs.push_back(env.trace->recorder.add_input(example));
  } catch (...) {
    close_trace(env);
    throw;
  }
  return write_handles(env, std::move(inputs));
}

Napi::Value end_trace(Env& env, const Napi::CallbackInfo& info) {
  require(env.trace != nullptr, kTransform, "jit: no trace is active");
  std::vector<at::Tensor> outputs = operands_of(env, info[0]);
  for (const at::Tensor& output : outputs) {
    require(
        transform::layers_of(output).empty(), kTransform,
        "jit: expected results that are complete, got a tensor that belongs to a transform inside, which has ended. "
        "Return it from that transform.");
  }
  // What runs again and again finds every input as it was in the trace: contiguous.
  if (env.trace->is_body) {
    for (at::Tensor& output : outputs) output = output.contiguous();
  }
  ProgramPointer program = env.trace->recorder.finish(outputs);
  Napi::Array hidden = Napi::Array::New(info.Env(), env.trace->hidden.size());
  for (uint32_t i = 0; i < hidden.Length(); ++i) {
    hidden.Set(i, static_cast<double>(env.trace->hidden[i].first));
  }
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("needsHost", program->needs_host());
  result.Set("program", write_program(info.Env(), std::move(program)));
  result.Set("hidden", hidden);
  return result;
}

Napi::Value leave_trace(Env& env, const Napi::CallbackInfo& info) {
  require(env.trace != nullptr, kTransform, "jit: no trace is active");
  close_trace(env);
  return info.Env().Undefined();
}

Napi::Value tracing(Env& env, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), env.trace != nullptr);
}

Napi::Value run_program(Env& env, const Napi::CallbackInfo& info) {
  env.op = "jit";
  return write_packed_handles(env, program_at(info)->run(operands_of(env, info[1])));
}

// Runs a program on a worker thread: it needs no JavaScript.
class RunWorker : public Napi::AsyncWorker {
 public:
  RunWorker(Napi::Env js, equinode::napi::Env& env, ProgramPointer program, std::vector<at::Tensor> inputs)
      : Napi::AsyncWorker(js, "equinode.run"),
        env_(env),
        program_(std::move(program)),
        inputs_(std::move(inputs)),
        bridge_(program_->needs_host() ? std::make_unique<HostBridge>(env) : nullptr),
        deferred_(Napi::Promise::Deferred::New(js)) {}
  Napi::Promise promise() const { return deferred_.Promise(); }
  void Execute() override {
    std::optional<effects::HostCallScope> host_calls;
    if (bridge_ != nullptr) host_calls.emplace(bridge_->caller());
    try {
      outputs_ = program_->run(std::move(inputs_));
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  void OnOK() override {
    if (error_ == nullptr) {
      deferred_.Resolve(write_packed_handles(env_, std::move(outputs_)));
      return;
    }
    try {
      std::rethrow_exception(error_);
    } catch (...) {
      deferred_.Reject(failure(env_, "jit"));
    }
  }

 private:
  equinode::napi::Env& env_;
  ProgramPointer program_;
  std::vector<at::Tensor> inputs_;
  std::vector<at::Tensor> outputs_;
  // How callbacks of the program reach JavaScript from the worker thread.
  std::unique_ptr<HostBridge> bridge_;
  std::exception_ptr error_;
  Napi::Promise::Deferred deferred_;
};

using Held = std::vector<at::Tensor>;

// Keeps tensors alive for a run, whatever the caller disposes until then.
Napi::Value hold(Env& env, const Napi::CallbackInfo& info) {
  auto held = std::make_unique<Held>(operands_of(env, info[0]));
  return Napi::External<Held>::New(info.Env(), held.release(), [](Napi::BasicEnv, Held* data) { delete data; });
}

// Runs with what was held: memory of the inputs that nobody else holds may become that of results.
Napi::Value run_program_held(Env& env, const Napi::CallbackInfo& info) {
  env.op = "jit";
  Held inputs = std::move(*info[1].As<Napi::External<Held>>().Data());
  return write_packed_handles(env, program_at(info)->run(std::move(inputs)));
}

Napi::Value run_program_async(Env& env, const Napi::CallbackInfo& info) {
  Held inputs = std::move(*info[1].As<Napi::External<Held>>().Data());
  auto* worker = new RunWorker(info.Env(), env, program_at(info), std::move(inputs));
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

Napi::Value program_operators(Env&, const Napi::CallbackInfo& info) {
  const std::vector<std::string> names = program_at(info)->operators();
  Napi::Array array = Napi::Array::New(info.Env(), names.size());
  for (size_t i = 0; i < names.size(); ++i) array.Set(static_cast<uint32_t>(i), names[i]);
  return array;
}

Napi::Value program_constants(Env& env, const Napi::CallbackInfo& info) {
  std::vector<at::Tensor> copies;
  // What the caller does with them must not reach the program.
  for (const at::Tensor& constant : program_at(info)->constants()) copies.push_back(constant.detach());
  return write_handles(env, std::move(copies));
}

Napi::Value program_graph(Env&, const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), program_at(info)->text());
}

Napi::Value program_save(Env& env, const Napi::CallbackInfo& info) {
  const Napi::Array names = info[2].As<Napi::Array>();
  std::vector<at::Tensor> tensors = operands_of(env, info[3]);
  std::vector<trace::Program::Attribute> attributes;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    attributes.push_back({names.Get(i).As<Napi::String>().Utf8Value(), std::move(tensors.at(i))});
  }
  program_at(info)->save(info[1].As<Napi::String>().Utf8Value(), attributes);
  return info.Env().Undefined();
}

Napi::Value begin_shapes(Env&, const Napi::CallbackInfo& info) {
  trace::begin_shapes();
  return info.Env().Undefined();
}

Napi::Value end_shapes(Env&, const Napi::CallbackInfo& info) {
  trace::end_shapes();
  return info.Env().Undefined();
}

Napi::Value in_shapes(Env&, const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), trace::in_shapes());
}

}  // namespace

void bind_trace(Env& env, Napi::Object exports) {
  define<begin_trace>(env, exports, "beginTrace");
  define<end_trace>(env, exports, "endTrace");
  define<leave_trace>(env, exports, "leaveTrace");
  define<tracing>(env, exports, "tracing");
  define<run_program>(env, exports, "runProgram");
  define<hold>(env, exports, "hold");
  define<run_program_held>(env, exports, "runProgramHeld");
  define<run_program_async>(env, exports, "runProgramAsync");
  define<program_operators>(env, exports, "programOperators");
  define<program_constants>(env, exports, "programConstants");
  define<begin_shapes>(env, exports, "beginShapes");
  define<end_shapes>(env, exports, "endShapes");
  define<in_shapes>(env, exports, "inShapes");
  define<program_graph>(env, exports, "programGraph");
  define<program_save>(env, exports, "programSave");
}

}  // namespace equinode::napi
