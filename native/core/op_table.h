#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace equinode::core {

// The closed list of argument and return kinds: the whole codec between JavaScript and the dispatcher.
enum class Kind {
  kTensor,
  kTensorList,
  kOptionalTensorList,
  kScalar,
  kScalarList,
  kInt,
  kIntList,
  kFloat,
  kFloatList,
  kBool,
  kBoolList,
  kString,
  kStringList,
  kScalarType,
  kLayout,
  kMemoryFormat,
  kDevice,
  kGenerator,
  kRejected,
};

struct Argument {
  std::string name;
  Kind kind;
  bool optional;
  // The size of `int[2]`; 0 where the schema gives none.
  int32_t size;
  std::optional<c10::IValue> fallback;
};

// An operator, resolved once: its handle, and how its arguments and results convert.
struct Operator {
  c10::OperatorHandle handle;
  // What the user calls it, for messages.
  std::string public_name;
  std::vector<Argument> arguments;
  std::vector<Kind> returns;
  // Whether libtorch composes it of other operators and functorch has no rule for the whole.
  bool decomposes_in_vmap;
  // Whether it reads the elements of an argument without calling an operator; see `argument_read`.
  bool reads_memory;
};

// Finds `aten::add.Tensor`; throws ERR_OPERATOR when libtorch has no such operator and ERR_ARGUMENT when one of its
// kinds cannot be converted.
Operator resolve(const std::string& name, const std::string& public_name);

// How an argument of a schema converts; `kRejected` if it cannot.
Argument argument_of(const c10::Argument& given);

// Whether a call draws from libtorch's generator: not with a dropout that is off.
bool draws(const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> arguments);

// The argument whose elements the operator of this full name reads without calling another operator, so that no layer
// and no trace sees it; null if there is none.
const char* argument_read(const std::string& name);

// The schemas of a namespace's operators, one text each, sorted.
std::vector<std::string> schemas(const std::string& ns);

// Kinds that are not converted, each with its reason.
const std::map<std::string, std::string>& rejected_kinds();

}  // namespace equinode::core
