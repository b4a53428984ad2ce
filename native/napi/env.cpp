#include "native/napi/env.h"

#include <algorithm>
#include <utility>

#include "native/base/error.h"
#include "native/napi/host.h"
#include "native/transform/substitute.h"

namespace equinode::napi {

namespace {

// The collector is told of changes in steps of this size.
constexpr int64_t kReportStep = 1 << 20;

// NOTE [shared guards]: tensors that share a guard are released together, so whoever keeps one keeps them all. Only
// those share that keep at most this much alive. A number has a guard of its own, since programs keep those: the losses
// of a training loop. Results of a compiled program share only with other parts of one node of the result's tree
// (adoptGroups in lib/tensor/lifetime.ts).
constexpr int64_t kSharedBytes = 1024;

at::Tensor hidden_input(Env::Trace& trace, core::Handle handle, const at::Tensor& tensor) {
  for (const auto& [known, input] : trace.hidden) {
    if (known == handle) return input;
  }
  trace.hidden.emplace_back(handle, trace.recorder.add_input(tensor));
  return trace.hidden.back().second;
}

// Whether an older tensor has no value of its own in a trace.
bool is_foreign(const Env::Trace& trace, const at::Tensor& tensor) {
  if (trace.is_closed || tensor.is_meta()) return true;
  if (trace.outer != nullptr && trace.outer->recorder.is_traced(tensor)) return true;
  if (trace.is_body && tensor.requires_grad()) return true;
  return !transform::layers_of(tensor).empty();
}

bool was_found(const Env::Capture& capture, core::Handle handle) {
  return std::any_of(capture.found.begin(), capture.found.end(),
                     [handle](const auto& entry) { return entry.first == handle; });
}

// See NOTE [captured variables of a rule].
at::Tensor capture_operand(Env::Capture& capture, core::Handle handle, const at::Tensor& tensor) {
  using Mode = Env::Capture::Mode;
  if (capture.mode == Mode::kReplace || capture.mode == Mode::kCollect) {
    const auto stand_in = capture.stand_ins.find(handle);
    if (stand_in != capture.stand_ins.end()) return stand_in->second;
    if (capture.mode == Mode::kCollect && !was_found(capture, handle)) capture.found.emplace_back(handle, tensor);
    return tensor;
  }
  const auto itself = capture.stand_ins.find(handle);
  if (itself != capture.stand_ins.end() && itself->second.is_same(tensor)) return tensor;
  const int64_t shift = capture.mode == Mode::kBelow ? 1 : 0;
  return transform::without_level(tensor, capture.level, shift,
                                  [&](const at::Tensor& at_level, const at::Tensor& below) {
                                    const auto found = capture.stand_ins.find(handle);
                                    if (found != capture.stand_ins.end()) return found->second;
                                    if (!transform::is_differentiated(at_level)) return below;
                                    require(capture.refusal.empty(), kTransform, capture.refusal);
                                    if (!was_found(capture, handle)) capture.found.emplace_back(handle, at_level);
                                    return below;
                                  });
}

void free_env(napi_env, void* data, void*) { delete static_cast<Env*>(data); }

}  // namespace

void RetiredBuffers::retire(napi_ref reference) {
  const std::lock_guard<std::mutex> lock(mutex_);
  references_.push_back(reference);
}

void RetiredBuffers::drain(napi_env env) {
  std::vector<napi_ref> retired;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    retired.swap(references_);
  }
  for (const napi_ref reference : retired) napi_delete_reference(env, reference);
}

Env& attach(napi_env raw) {
  auto env = std::make_unique<Env>(raw);
  require(napi_set_instance_data(raw, env.get(), reinterpret_cast<napi_finalize>(free_env), nullptr) == napi_ok, kSetup,
          "the environment's data could not be set");
  Env& attached = *env.release();
  attached.pending_calls = std::make_shared<PendingCalls>();
  attached.host_calls = std::make_unique<effects::HostCallScope>(
      [&attached](int64_t id, std::vector<at::Tensor> inputs, std::vector<int64_t> batch) {
        return call_host(attached, id, std::move(inputs), batch);
      });
  return attached;
}

Env& env_of(napi_env raw) {
  void* data = nullptr;
  napi_get_instance_data(raw, &data);
  return *static_cast<Env*>(data);
}

at::Tensor Env::operand(core::Handle handle) {
  const at::Tensor& tensor = slots->get(handle);
  if (captures.empty() && trace == nullptr) return tensor;
  const uint64_t serial = slots->serial_of(handle);
  at::Tensor seen = tensor;
  for (Capture& capture : captures) {
    if (!capture.in_trace && serial <= capture.serial) seen = capture_operand(capture, handle, seen);
  }
  if (trace == nullptr) return seen;
  if (serial <= trace->serial && is_foreign(*trace, seen)) seen = hidden_input(*trace, handle, seen);
  for (Capture& capture : captures) {
    if (!capture.in_trace || serial > capture.serial) continue;
    const bool has_stand_in = capture.stand_ins.count(handle) > 0;
    capture.found_traced = capture.found_traced || (!has_stand_in && trace->recorder.is_traced(seen));
    seen = capture_operand(capture, handle, seen);
  }
  return seen;
}

int64_t Env::add(at::Tensor tensor) {
  if (!tensor.defined()) return 0;
  // Some derivatives are zeros without memory, which only operators know.
  if (tensor._is_zerotensor()) tensor = at::zeros(tensor.sizes(), tensor.options());
  // A small view keeps its whole storage alive, and a small result of autograd everything that it was made from.
  const bool apart = core::held_bytes(tensor) > kSharedBytes || tensor.dim() == 0 || tensor.requires_grad();
  const auto handle = static_cast<int64_t>(slots->add(std::move(tensor)));
  return apart ? -handle : handle;
}

napi_value Env::to_js(at::Tensor tensor) {
  napi_value value = nullptr;
  const int64_t sent = add(std::move(tensor));
  if (std::abs(sent) < static_cast<int64_t>(core::kSmallHandles)) {
    napi_create_int32(raw, static_cast<int32_t>(sent), &value);
  } else {
    napi_create_double(raw, static_cast<double>(sent), &value);
  }
  return value;
}

bool ExternalMemory::add(node_api_basic_env env, int64_t bytes) {
  untold_ += bytes;
  if (untold_ < kReportStep && untold_ > -kReportStep) return false;
  int64_t total = 0;
  napi_adjust_external_memory(env, std::exchange(untold_, 0), &total);
  return true;
}

void Env::release(core::Handle handle) { report(-slots->release(handle)); }

void Env::report(int64_t bytes) {
  if (external->add(raw, bytes)) buffers->drain(raw);
}

void Env::collect() {
  // Node-API has no call for this, but V8 collects everything at once when so much external memory is reported.
  constexpr int64_t kPressure = int64_t{1} << 46;
  int64_t total = 0;
  // Twice, since the first may end a marking that began while the garbage was alive.
  for (int round = 0; round < 2; ++round) {
    napi_adjust_external_memory(raw, kPressure, &total);
    napi_adjust_external_memory(raw, -kPressure, &total);
  }
  buffers->drain(raw);
}

}  // namespace equinode::napi
