// Queries of tensors, copies from and to the host, memory and threads.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <memory>
#include <utility>

#include "native/base/error.h"
#include "native/core/block_cache.h"
#include "native/core/device.h"
#include "native/core/dtype.h"
#include "native/core/host_copy.h"
#include "native/napi/bind.h"
#include "native/napi/failure.h"
#include "native/napi/read.h"
#include "native/napi/write.h"
#include "native/trace/shapes.h"

namespace equinode::napi {

namespace {

const at::Tensor& tensor_at(Env& env, const Napi::CallbackInfo& info, size_t position) {
  return env.slots->get(read_handle(info.Env(), info[position]));
}

// The tensor whose values `op` is about to read; refused where they are not known.
at::Tensor readable(Env& env, const Napi::CallbackInfo& info, const std::string& op) {
  const at::Tensor& tensor = tensor_at(env, info, 0);
  const std::string layers = transform::layers_of(tensor);
  if (!layers.empty()) {
    throw Error(kConcretisation, op,
                concat("expected a concrete tensor, got ", core::describe(tensor), " inside ", layers,
                       ", whose values exist only for the transform. Use tensor operators such as `where` instead "
                       "of reading values, or return the tensor and read it outside"));
  }
  if (env.trace != nullptr && env.trace->recorder.is_traced(tensor)) {
    throw Error(kConcretisation, op,
                concat("expected a concrete tensor, got ", core::describe(tensor),
                       " that is being traced by jit, whose values are unknown until the compiled program runs. Use "
                       "tensor operators such as `where` instead of reading values, or return the tensor and read "
                       "it outside"));
  }
  if (trace::in_shapes() && tensor.is_meta()) {
    throw Error(kConcretisation, op,
                concat("expected a concrete tensor, got ", core::describe(tensor),
                       " inside evalShape, which computes no values. Use tensor operators such as `where` instead of "
                       "reading values"));
  }
  return tensor;
}

struct Bytes {
  void* data;
  size_t size;
};

// Not through Napi::ArrayBuffer, which refuses memory that is shared between threads.
Bytes bytes_of(const Napi::Value& value) {
  Bytes bytes{nullptr, 0};
  if (value.IsDataView()) {
    napi_get_dataview_info(value.Env(), value, &bytes.size, &bytes.data, nullptr, nullptr);
    return bytes;
  }
  require(value.IsTypedArray(), kArgument, "expected a typed array");
  napi_get_typedarray_info(value.Env(), value, nullptr, nullptr, &bytes.data, nullptr, nullptr);
  bytes.size = value.As<Napi::TypedArray>().ByteLength();
  return bytes;
}

c10::ScalarType dtype_at(const Napi::CallbackInfo& info, size_t position) {
  return core::dtype_of_code(info[position].As<Napi::Number>().Int64Value());
}

std::vector<int64_t> shape_of(const Napi::Value& value) {
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<int64_t> shape(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    shape[i] = Napi::Value(array.Get(i)).As<Napi::Number>().Int64Value();
    require(shape[i] >= 0, kShape, "expected sizes of at least 0, got ", shape[i]);
  }
  return shape;
}

Napi::Value shape(Env& env, const Napi::CallbackInfo& info) {
  const at::Tensor& tensor = tensor_at(env, info, 0);
  Napi::Array array = Napi::Array::New(info.Env(), tensor.dim());
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    array.Set(static_cast<uint32_t>(i), Napi::Number::New(info.Env(), static_cast<double>(tensor.size(i))));
  }
  return array;
}

Napi::Value dtype(Env& env, const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<int>(tensor_at(env, info, 0).scalar_type()));
}

Napi::Value device(Env& env, const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), tensor_at(env, info, 0).device().str());
}

Napi::Value from_bytes(Env& env, const Napi::CallbackInfo& info) {
  env.op = "tensor";
  const Bytes bytes = bytes_of(info[0]);
  const auto type = dtype_at(info, 2);
  const c10::Device target = core::parse_device(info[4].As<Napi::String>().Utf8Value());
  at::Tensor made = with_memory(env, [&] {
    return core::from_bytes(bytes.data, bytes.size, shape_of(info[1]), type).to(target, dtype_at(info, 3));
  });
  return Napi::Value(info.Env(), env.to_js(std::move(made)));
}

Napi::Value from_memory(Env& env, const Napi::CallbackInfo& info) {
  env.op = "fromBuffer";
  env.buffers->drain(env.raw);
  const Bytes bytes = bytes_of(info[0]);
  const auto type = dtype_at(info, 2);
  const std::vector<int64_t> sizes = shape_of(info[1]);
  napi_ref reference = nullptr;
  napi_create_reference(env.raw, info[0], 1, &reference);
  const auto buffers = env.buffers;
  const auto release = [buffers, reference](void*) { buffers->retire(reference); };
  return Napi::Value(info.Env(), env.to_js(core::from_memory(bytes.data, bytes.size, sizes, type, release)));
}

Napi::Value read_into(Env& env, const Napi::CallbackInfo& info) {
  env.op = info[3].As<Napi::String>().Utf8Value();
  const Bytes bytes = bytes_of(info[1]);
  core::to_bytes(readable(env, info, env.op), dtype_at(info, 2), bytes.data, bytes.size);
  return info.Env().Undefined();
}

// Copies to the host on a worker thread; the promise resolves when the bytes are there.
class ReadWorker : public Napi::AsyncWorker {
 public:
  ReadWorker(equinode::napi::Env& env, at::Tensor tensor, c10::ScalarType dtype, const Napi::Value& into)
      : Napi::AsyncWorker(into.Env(), "equinode.read"),
        env_(env),
        tensor_(std::move(tensor)),
        dtype_(dtype),
        bytes_(bytes_of(into)),
        deferred_(Napi::Promise::Deferred::New(into.Env())) {
    keep_ = Napi::Persistent(into.As<Napi::Object>());
  }
  Napi::Promise promise() const { return deferred_.Promise(); }
  void Execute() override {
    try {
      core::to_bytes(tensor_, dtype_, bytes_.data, bytes_.size);
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  void OnOK() override {
    if (error_ == nullptr) {
      deferred_.Resolve(Env().Undefined());
      return;
    }
    try {
      std::rethrow_exception(error_);
    } catch (...) {
      deferred_.Reject(failure(env_, "data"));
    }
  }

 private:
  equinode::napi::Env& env_;
  at::Tensor tensor_;
  c10::ScalarType dtype_;
  Bytes bytes_;
  Napi::ObjectReference keep_;
  std::exception_ptr error_;
  Napi::Promise::Deferred deferred_;
};

Napi::Value read_into_async(Env& env, const Napi::CallbackInfo& info) {
  env.op = info[3].As<Napi::String>().Utf8Value();
  auto* worker = new ReadWorker(env, readable(env, info, env.op), dtype_at(info, 2), info[1]);
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

Napi::Value item(Env& env, const Napi::CallbackInfo& info) {
  env.op = info[1].As<Napi::String>().Utf8Value();
  const at::Tensor tensor = readable(env, info, env.op);
  if (tensor.numel() != 1) {
    throw Error(kShape, env.op, concat("expected a tensor with one element, got ", core::describe(tensor)));
  }
  return Napi::Value(info.Env(), write_result(env, c10::IValue(tensor.item()), core::Kind::kScalar));
}

Napi::Value layers(Env& env, const Napi::CallbackInfo& info) {
  const at::Tensor& tensor = tensor_at(env, info, 0);
  std::string names = transform::layers_of(tensor);
  if (names.empty() && env.trace != nullptr && env.trace->recorder.is_traced(tensor)) names = "jit";
  if (names.empty() && trace::in_shapes() && tensor.is_meta()) names = "evalShape";
  return Napi::String::New(info.Env(), names);
}

// What a compiled program depends on: dtype, device and shape of each tensor, and the named axes around it.
Napi::Value signature(Env& env, const Napi::CallbackInfo& info) {
  std::string text;
  for (const core::Handle handle : read_handles(info[0])) {
    const at::Tensor& tensor = env.slots->get(handle);
    text += std::to_string(static_cast<int>(tensor.scalar_type()));
    if (!tensor.is_cpu()) text += tensor.device().str();
    for (const int64_t size : tensor.sizes()) {
      text += ',';
      text += std::to_string(size);
    }
    text += ';';
  }
  for (const transform::NamedAxis& axis : transform::named_axes()) text += concat('#', axis.name, ':', axis.size);
  return Napi::String::New(info.Env(), text);
}

Napi::Value memory(Env& env, const Napi::CallbackInfo& info) {
  Napi::Object object = Napi::Object::New(info.Env());
  const int64_t bytes = env.slots->bytes();
  env.peak_bytes = std::max(env.peak_bytes, bytes);
  object.Set("tensors", static_cast<double>(env.slots->live()));
  object.Set("bytes", static_cast<double>(bytes));
#ifdef __GLIBC__
  const struct mallinfo2 heap = mallinfo2();
  const size_t allocated = heap.arena + heap.hblkhd + static_cast<size_t>(core::block_cache_bytes());
  object.Set("allocated", static_cast<double>(allocated));
#else
  object.Set("allocated", static_cast<double>(bytes));
#endif
  object.Set("peak", static_cast<double>(env.peak_bytes));
  return object;
}

Napi::Value trim_memory(Env&, const Napi::CallbackInfo& info) {
  core::trim_block_cache();
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return info.Env().Undefined();
}

Napi::Value set_num_threads(Env&, const Napi::CallbackInfo& info) {
  at::set_num_threads(info[0].As<Napi::Number>().Int32Value());
  return info.Env().Undefined();
}

Napi::Value num_threads(Env&, const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), at::get_num_threads());
}

Napi::Value cuda_device_count(Env&, const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(core::cuda_device_count()));
}

Napi::Value cpu_capability(Env&, const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), at::get_cpu_capability());
}

}  // namespace

void bind_tensor(Env& env, Napi::Object exports) {
  exports.Set("libtorchVersion", Napi::String::New(env.raw, TORCH_VERSION));
  define<shape>(env, exports, "shape");
  define<dtype>(env, exports, "dtype");
  define<device>(env, exports, "device");
  define<from_bytes>(env, exports, "fromBytes");
  define<from_memory>(env, exports, "fromMemory");
  define<read_into>(env, exports, "readInto");
  define<read_into_async>(env, exports, "readIntoAsync");
  define<item>(env, exports, "item");
  define<layers>(env, exports, "layers");
  define<signature>(env, exports, "signature");
  define<memory>(env, exports, "memory");
  define<trim_memory>(env, exports, "trimMemory");
  define<set_num_threads>(env, exports, "setNumThreads");
  define<num_threads>(env, exports, "numThreads");
  define<cuda_device_count>(env, exports, "cudaDeviceCount");
  define<cpu_capability>(env, exports, "cpuCapability");
}

}  // namespace equinode::napi
