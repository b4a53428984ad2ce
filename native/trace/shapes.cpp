#include "native/trace/shapes.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/native/ConvUtils.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "native/base/error.h"
#include "native/core/dispatch.h"
#include "native/trace/form.h"
#include "native/trace/recorder.h"

namespace equinode::trace {

namespace {

thread_local int64_t open_shapes = 0;

using Convert = std::function<at::Tensor(const at::Tensor&)>;

at::Tensor to_meta(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.is_meta()) return tensor;
  at::Tensor meta = at::empty_strided(tensor.sizes(), tensor.strides(),
                                      tensor.options().device(at::kMeta).requires_grad(false).pinned_memory(false));
  // A number among the operands promotes differently.
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) meta.unsafeGetTensorImpl()->set_wrapped_number(true);
  return meta;
}

c10::IValue converted(const c10::IValue& value, const Convert& convert) {
  if (value.isTensor()) return convert(value.toTensor());
  if (value.isTensorList()) {
    std::vector<at::Tensor> tensors = value.toTensorVector();
    for (at::Tensor& tensor : tensors) tensor = convert(tensor);
    return tensors;
  }
  if (!value.isList()) return value;
  const auto elements = value.toListRef();
  if (std::none_of(elements.begin(), elements.end(), [](const c10::IValue& one) { return one.isTensor(); }))
    return value;
  c10::List<std::optional<at::Tensor>> tensors;
  for (const c10::IValue& element : elements) {
    if (element.isNone()) {
      tensors.push_back(std::nullopt);
    } else {
      tensors.push_back(convert(element.toTensor()));
    }
  }
  return tensors;
}

void convert_devices(const c10::FunctionSchema& schema, std::vector<c10::IValue>& arguments, c10::DeviceType device) {
  bool has_tensor = false;
  for (const c10::IValue& argument : arguments) has_tensor |= argument.isTensor() || argument.isTensorList();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const bool is_device = schema.arguments()[i].name() == "device" && (arguments[i].isNone() ? !has_tensor : true);
    if (is_device) arguments[i] = c10::Device(device);
  }
}

std::vector<c10::IValue> call(const c10::OperatorHandle& op, const std::vector<c10::IValue>& given,
                              const Convert& convert, c10::DeviceType device) {
  torch::jit::Stack stack;
  for (const c10::IValue& argument : given) stack.push_back(converted(argument, convert));
  convert_devices(op.schema(), stack, device);
  op.callBoxed(stack);
  for (c10::IValue& result : stack) result = converted(result, to_meta);
  return stack;
}

at::Tensor meta(std::vector<int64_t> sizes, at::ScalarType dtype) {
  return at::empty(sizes, at::TensorOptions().dtype(dtype).device(at::kMeta));
}

// Of operators for which libtorch has shapes in Python only, and of our own that draw random numbers.
std::optional<at::Tensor> known_shape(const std::string& name, const std::vector<c10::IValue>& arguments) {
  if (name == "aten::convolution") {
    const at::Tensor input = arguments[0].toTensor();
    const at::Tensor weight = arguments[1].toTensor();
    const auto stride = arguments[3].toIntVector();
    const auto padding = arguments[4].toIntVector();
    const auto dilation = arguments[5].toIntVector();
    const bool transposed = arguments[6].toBool();
    const auto output_padding = arguments[7].toIntVector();
    const int64_t groups = arguments[8].toInt();
    require(weight.dim() == input.dim() &&
                (transposed ? weight.size(0) == input.size(1) : weight.size(1) * groups == input.size(1)),
            kShape, "expected a convolution's weight for ", input.size(1), " channels in ", groups,
            " group(s), got one of shape [", c10::Join(",", weight.sizes()), "]");
    const auto sizes = transposed
                           ? at::native::conv_input_size(input.sizes(), weight.sizes(), padding, output_padding, stride,
                                                         dilation, groups)
                           : at::native::conv_output_size(input.sizes(), weight.sizes(), padding, stride, dilation);
    return meta({sizes.begin(), sizes.end()}, input.scalar_type());
  }
  if (name == "equinode::after" || name == "equinode::stop") return to_meta(arguments[0].toTensor());
  if (name.rfind("equinode::threefry_", 0) != 0) return std::nullopt;
  const at::Tensor key = arguments[0].toTensor();
  if (name == "equinode::threefry_fold_in") return meta(key.sizes().vec(), at::kUInt32);
  if (arguments.size() < 2 || !arguments[1].isIntList()) return std::nullopt;
  std::vector<int64_t> sizes(key.sizes().begin(), key.sizes().end() - 1);
  for (const int64_t size : arguments[1].toIntVector()) sizes.push_back(size);
  if (name == "equinode::threefry_split") {
    sizes.push_back(2);
    return meta(sizes, at::kUInt32);
  }
  if (name == "equinode::threefry_uniform" || name == "equinode::threefry_normal") {
    return meta(sizes, arguments[2].toScalarType());
  }
  if (name != "equinode::threefry_bits") return std::nullopt;
  switch (arguments[2].toInt()) {
    case 8:
      return meta(sizes, at::kByte);
    case 16:
      return meta(sizes, at::kUInt16);
    case 32:
      return meta(sizes, at::kUInt32);
    default:
      return meta(sizes, at::kUInt64);
  }
}

// Where libtorch knows the shapes only by computing, and for our own operators, that is done with zeros; control flow
// computes one step.
std::vector<c10::IValue> results_of(const c10::OperatorHandle& op, const std::vector<c10::IValue>& arguments) {
  const std::string& name = op.schema().name();
  if (name == control_symbol().toQualString()) {
    const std::vector<at::Tensor> inputs = converted(arguments[0], to_zeros).toTensorVector();
    std::vector<at::Tensor> results = form_of(arguments[1].toInt())->sketch(inputs);
    for (at::Tensor& result : results) result = to_meta(result);
    return {results};
  }
  if (name.rfind("equinode::", 0) == 0) return call(op, arguments, to_zeros, c10::kCPU);
  try {
    return call(op, arguments, to_meta, c10::kMeta);
  } catch (const c10::NotImplementedError&) {
    return call(op, arguments, to_zeros, c10::kCPU);
  }
}

}  // namespace

SuspendedShapes::SuspendedShapes() : outside_(std::exchange(open_shapes, 0)) {}

SuspendedShapes::~SuspendedShapes() { open_shapes = outside_; }

at::Tensor to_zeros(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_meta()) return tensor;
  at::Tensor zeros = at::zeros(tensor.sizes(), tensor.options().device(at::kCPU));
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) zeros.unsafeGetTensorImpl()->set_wrapped_number(true);
  return zeros;
}

void begin_shapes() {
  if (open_shapes++ == 0) c10::impl::tls_set_dispatch_key_included(core::kTraceKey, true);
}

void end_shapes() {
  if (--open_shapes == 0) c10::impl::tls_set_dispatch_key_included(core::kTraceKey, Recorder::current() != nullptr);
}

bool in_shapes() { return open_shapes > 0; }

void run_for_shapes(const c10::OperatorHandle& op, torch::jit::Stack& stack) {
  const std::string& name = op.schema().name();
  require(!op.hasTag(at::Tag::data_dependent_output) && !op.hasTag(at::Tag::dynamic_output_shape), kConcretisation,
          "expected a result whose shape is known without values, got one that ", name,
          " decides by values, which evalShape does not compute");
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  const size_t count = op.schema().arguments().size();
  const std::vector<c10::IValue> arguments(stack.end() - static_cast<std::ptrdiff_t>(count), stack.end());
  torch::jit::drop(stack, count);
  if (const auto known = known_shape(name, arguments)) {
    stack.emplace_back(*known);
    return;
  }
  for (c10::IValue& result : results_of(op, arguments)) stack.push_back(std::move(result));
}

}  // namespace equinode::trace
