#include "native/core/op_table.h"

#include <algorithm>

#include "native/base/error.h"

namespace equinode::core {

namespace {

// By the printed real type; SymInt prints as int, Dimname as str.
const std::map<std::string, Kind>& kinds() {
  static const std::map<std::string, Kind> table = {
      {"Tensor", Kind::kTensor},
      {"Tensor[]", Kind::kTensorList},
      {"Tensor?[]", Kind::kOptionalTensorList},
      {"Scalar", Kind::kScalar},
      {"number", Kind::kScalar},
      {"Scalar[]", Kind::kScalarList},
      {"number[]", Kind::kScalarList},
      {"int", Kind::kInt},
      {"SymInt", Kind::kInt},
      {"int[]", Kind::kIntList},
      {"SymInt[]", Kind::kIntList},
      {"float", Kind::kFloat},
      {"float[]", Kind::kFloatList},
      {"bool", Kind::kBool},
      {"bool[]", Kind::kBoolList},
      {"str", Kind::kString},
      {"str[]", Kind::kStringList},
      {"ScalarType", Kind::kScalarType},
      {"Layout", Kind::kLayout},
      {"MemoryFormat", Kind::kMemoryFormat},
      {"Device", Kind::kDevice},
      {"Generator", Kind::kGenerator},
  };
  return table;
}

Kind kind_of(const c10::Type& type) {
  const auto found = kinds().find(type.str());
  return found == kinds().end() ? Kind::kRejected : found->second;
}

}  // namespace

Argument argument_of(const c10::Argument& given) {
  Argument argument{given.name(), Kind::kRejected, false, given.N().value_or(0), given.default_value()};
  const c10::TypePtr& type = given.real_type();
  if (const auto optional = type->cast<c10::OptionalType>()) {
    argument.optional = true;
    argument.kind = kind_of(*optional->getElementType());
  } else {
    argument.kind = kind_of(*type);
  }
  return argument;
}

const std::map<std::string, std::string>& rejected_kinds() {
  static const std::map<std::string, std::string> table = {
      {"Storage", "a raw storage would let two tensors share memory that a value must own"},
      {"Stream", "streams are the library's own; only Tensor.record_stream takes one"},
      {"__torch__.torch.classes.rnn.CellParamsBase[]", "packed parameters of quantised cells exist only in Python"},
      {"QScheme", "returned by `qscheme` alone, which says how a quantised tensor was made"},
      {"Any", "has no fixed conversion"},
  };
  return table;
}

Operator resolve(const std::string& name, const std::string& public_name) {
  const size_t colons = name.find("::");
  const size_t dot = name.find('.', colons == std::string::npos ? 0 : colons);
  const std::string base = name.substr(0, dot);
  const std::string overload = dot == std::string::npos ? "" : name.substr(dot + 1);
  const auto handle = c10::Dispatcher::singleton().findSchema({base, overload});
  require(handle.has_value(), kOperator, "this libtorch has no operator ", name);

  const bool decomposes = handle->hasKernelForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd) &&
                          !handle->hasKernelForDispatchKey(c10::DispatchKey::FuncTorchBatched) &&
                          !handle->hasKernelForDispatchKey(c10::DispatchKey::FuncTorchBatchedDecomposition) &&
                          !handle->hasKernelForDispatchKey(c10::DispatchKey::FuncTorchDynamicLayerFrontMode);
  Operator op{*handle, public_name, {}, {}, decomposes, argument_read(name) != nullptr};
  for (const c10::Argument& given : handle->schema().arguments()) {
    op.arguments.push_back(argument_of(given));
    const Argument& argument = op.arguments.back();
    require(argument.kind != Kind::kRejected || argument.fallback.has_value(), kArgument, name, ": argument '",
            given.name(), "' has the type ", given.real_type()->str(), ", which cannot be converted");
  }
  for (const c10::Argument& result : handle->schema().returns()) op.returns.push_back(argument_of(result).kind);
  return op;
}

bool draws(const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> arguments) {
  if (!op.hasTag(at::Tag::nondeterministic_seeded)) return false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = op.schema().arguments()[i].name();
    const bool is_rate = name == "dropout_p" || name == "dropout";
    if (is_rate && arguments[i].isDouble() && arguments[i].toDouble() == 0) return false;
    if ((name == "train" || name == "training") && arguments[i].isBool() && !arguments[i].toBool()) return false;
  }
  return true;
}

const char* argument_read(const std::string& name) {
  static const std::map<std::string, const char*> arguments = {
      {"aten::fbgemm_linear_quantize_weight", "input"},
      {"aten::gru.data", "batch_sizes"},
      {"aten::lstm.data", "batch_sizes"},
      {"aten::rnn_relu.data", "batch_sizes"},
      {"aten::rnn_tanh.data", "batch_sizes"},
      {"aten::tensor_split.tensor_indices_or_sections", "tensor_indices_or_sections"},
  };
  const auto found = arguments.find(name);
  return found == arguments.end() ? nullptr : found->second;
}

std::vector<std::string> schemas(const std::string& ns) {
  std::vector<std::string> texts;
  const std::string prefix = ns + "::";
  for (const c10::OperatorName& name : c10::Dispatcher::singleton().getAllOpNames()) {
    if (name.name.rfind(prefix, 0) != 0) continue;
    const auto handle = c10::Dispatcher::singleton().findSchema(name);
    if (handle.has_value()) texts.push_back(c10::toString(handle->schema()));
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace equinode::core
