#pragma once

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <napi.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "native/core/dispatch.h"
#include "native/core/op_table.h"
#include "native/core/slot_table.h"
#include "native/effects/callback.h"
#include "native/trace/recorder.h"
#include "native/transform/level.h"

namespace equinode::napi {

class PendingCalls;

// References to JavaScript buffers whose tensors are gone. The last owner of a tensor may be on any thread, but a
// reference may only be deleted on the environment's.
class RetiredBuffers {
 public:
  void retire(napi_ref reference);
  void drain(napi_env env);

 private:
  std::mutex mutex_;
  std::vector<napi_ref> references_;
};

// Tells the garbage collector of the bytes that tensors hold, in steps, since each report costs a call. What is added
// and what is taken away goes through the same account: else more would be taken away in between than was ever added,
// which V8 does not forgive. Shared by guards, which may be finalized after the environment's data.
class ExternalMemory {
 public:
  // Returns whether the collector was told.
  bool add(node_api_basic_env env, int64_t bytes);

 private:
  int64_t untold_ = 0;
};

// Everything that belongs to one Node environment (the main thread or a worker). Made when the addon is loaded there
// and freed with the environment; touched only on its thread. Nothing of it is static.
//
// NOTE [native never calls JavaScript]: transforms push a layer, return, and are popped by a later call. The
// exceptions are the error factory, which only constructs an error object; `pureCallback` and its kin, which call
// one function, `run_callback`, with everything of this environment and thread put aside (napi/host.cpp); and the rules
// of custom derivatives, which run when autograd or a program comes to them (napi/bind_rules.cpp).
struct Env {
  explicit Env(napi_env env) : raw(env) {}

  napi_env raw;
  std::shared_ptr<core::SlotTable> slots = std::make_shared<core::SlotTable>();
  // Stays in its place while an operator's call runs JavaScript that resolves more of them.
  std::deque<core::Operator> operators;
  // By operator name and public name, so that resolving twice gives the same index.
  std::unordered_map<std::string, size_t> operator_ids;
  torch::jit::Stack stack;
  Napi::FunctionReference error_factory;
  // The flag of NOTE [errors are returned], in memory of an array of JavaScript.
  Napi::Reference<Napi::Int32Array> failed_array;
  int32_t* failed = nullptr;
  Napi::FunctionReference run_callback;
  // What callbacks threw, until it is thrown on: by the ticket of a `HostFailed`.
  std::unordered_map<uint64_t, napi_ref> thrown;
  uint64_t tickets = 0;
  // How this thread dispatches when no operator runs.
  c10::impl::LocalDispatchKeySet dispatch_keys = c10::impl::tls_local_dispatch_key_set();
  std::unique_ptr<effects::HostCallScope> host_calls;
  std::shared_ptr<PendingCalls> pending_calls;
  // The user's name of the export that runs, for its error; empty where the message names it.
  std::string op;
  std::shared_ptr<RetiredBuffers> buffers = std::make_shared<RetiredBuffers>();

  // The trace in progress, with the state that surrounds it. The bodies of control flow are traced within others.
  struct Trace {
    explicit Trace(std::unique_ptr<Trace> around) : outer(std::move(around)) {}
    std::unique_ptr<Trace> outer;
    transform::CleanContext context;
    trace::Recorder recorder;
    // Tensors that were made before the trace began have a smaller or equal serial.
    uint64_t serial = 0;
    // Whether it is the body of control flow, which runs under what surrounds it.
    bool is_body = false;
    // Whether every captured tensor is an input, of which a closed function consists.
    bool is_closed = false;
    // Captured tensors that have no value of their own here, since they belong to transforms or traces outside or to
    // libtorch's tape, and the inputs that stand for them.
    std::vector<std::pair<core::Handle, at::Tensor>> hidden;
  };
  std::unique_ptr<Trace> trace;

  // NOTE [captured variables of a rule]: what a function with a custom rule captures (variables of its closure) belongs
  // to the levels at which it was called, but the rule runs at the level below one of them. So while it runs, older
  // tensors are seen without that level, and levels above it count one less, since they are pushed again further down.
  // Those by which the level differentiates are noted: they are inputs of the rule too. When a rule runs again for its
  // backward pass, they are replaced by the stand-ins of that run.
  struct Capture {
    // Tensors that are younger than the capture have a larger serial.
    uint64_t serial = 0;
    // The level that is left out.
    int64_t level = 0;
    // What older tensors are: without the level, with those above it counting one less; the same with another level in
    // its place, as in a backward pass; as they are, but for stand-ins; or that, and those without one are noted.
    enum class Mode { kBelow, kInPlace, kReplace, kCollect };
    Mode mode = Mode::kBelow;
    // Whether it began inside the trace in progress.
    bool in_trace = false;
    // Whether a differentiated tensor is an error: this text, empty if not.
    std::string refusal;
    std::unordered_map<core::Handle, at::Tensor> stand_ins;
    std::vector<std::pair<core::Handle, at::Tensor>> found;
    // Whether an older tensor of the trace in progress was used, other than those with a stand-in.
    bool found_traced = false;
  };
  std::vector<Capture> captures;

  // Layers put aside, innermost last: see `lower` in bind_rules.cpp.
  std::vector<std::unique_ptr<transform::LoweredContext>> lowered;

  // What JavaScript's part of a rule returned.
  std::vector<at::Tensor> given;
  std::thread::id thread = std::this_thread::get_id();

  std::shared_ptr<ExternalMemory> external = std::make_shared<ExternalMemory>();
  int64_t peak_bytes = 0;

  // The tensor of a handle as an operator may use it: inside a trace, a captured tensor with layers of transforms
  // outside is replaced by a hidden input.
  at::Tensor operand(core::Handle handle);

  // Adds a tensor and gives its handle for JavaScript: negative when the tensor needs a guard of its own; 0 for an
  // undefined tensor.
  int64_t add(at::Tensor tensor);
  napi_value to_js(at::Tensor tensor);
  void release(core::Handle handle);

  void report(int64_t bytes);

  // Makes the garbage collector run now, which releases the tensors that JavaScript has forgotten.
  void collect();
};

// The state of an environment; set once when the addon is loaded.
Env& env_of(napi_env env);
Env& attach(napi_env env);

}  // namespace equinode::napi
