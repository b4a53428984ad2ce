#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "native/effects/callback.h"
#include "native/napi/env.h"

namespace equinode::napi {

// Calls the JavaScript function of a number on its own thread, in the middle of whatever runs there. Layers, grad
// mode, dispatch keys and the operands of the calls in progress are put aside meanwhile: the function may use any
// operator and transform. What it throws is kept in `env.thrown`, and comes out of the operators as `HostFailed`.
std::vector<at::Tensor> call_host(Env& env, int64_t id, std::vector<at::Tensor> inputs,
                                  const std::vector<int64_t>& batch);

// The calls that worker threads wait for. Node joins these threads when the process exits, so that nobody may wait
// any longer then.
class PendingCalls {
 public:
  struct Call {
    int64_t id;
    std::vector<at::Tensor> inputs;
    std::vector<int64_t> batch;
    std::promise<std::vector<at::Tensor>> outputs;
  };

  // Returns false when no call will be answered any more.
  bool add(const std::shared_ptr<Call>& call);
  void remove(const std::shared_ptr<Call>& call);

  // Answers all calls, and those that are still to come, with an error.
  void end();

 private:
  std::mutex mutex_;
  bool ended_ = false;
  std::unordered_set<std::shared_ptr<Call>> calls_;
};

// Calls JavaScript's part of a custom derivative in the middle of an operator, under the layers that there are; gives
// what it passed to `give`. What it throws is kept as that of `call_host` is.
std::vector<at::Tensor> call_rule(Env& env, napi_value function, const std::vector<napi_value>& arguments);

// Reaches JavaScript from a worker thread: the call waits there until the event loop has run the function. Made and
// destroyed on JavaScript's thread. When the environment ends first, the call is an error.
class HostBridge {
 public:
  explicit HostBridge(Env& env);
  ~HostBridge();
  HostBridge(const HostBridge&) = delete;
  HostBridge& operator=(const HostBridge&) = delete;

  effects::HostCall caller();

 private:
  napi_threadsafe_function function_ = nullptr;
  std::shared_ptr<PendingCalls> pending_;
};

}  // namespace equinode::napi
