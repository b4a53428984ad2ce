#include "native/napi/failure.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>
#include <utility>

#include "native/base/error.h"
#include "native/core/dispatch.h"
#include "native/effects/callback.h"

namespace equinode::napi {

namespace {

struct Sign {
  const char* text;
  const char* code;
};

// How libtorch (v2.13.0) words the failures that callers tell apart; the first that occurs decides.
constexpr auto kSigns = std::to_array<Sign>({
    {"can't allocate memory", kMemory},
    {"out of memory", kMemory},
    {"calling .item() on a Tensor", kConcretisation},
    {"data-dependent control flow", kConcretisation},
    {"cannot be called on meta tensors", kConcretisation},
    {"dynamic shape", kConcretisation},
    {"randomness error mode", kTransform},
    {"vmap:", kTransform},
    {"vmap over", kTransform},
    {"vmap-ing", kTransform},
    {"under vmap", kTransform},
    {"inside of vmap", kTransform},
    {"were not batched", kTransform},
    {"atching rule", kTransform},
    {"derivative for", kTransform},
    {"not differentiable with respect to", kTransform},
    {"does not support automatic differentiation", kTransform},
    {"Trying to use forward AD with", kTransform},
    {"must match the size", kShape},
    {"cannot be multiplied", kShape},
    {"size mismatch", kShape},
    {"inconsistent tensor size", kShape},
    {"Sizes of tensors must match", kShape},
    {"stack expects each tensor to be equal size", kShape},
    {"is invalid for input of size", kShape},
    {"must be broadcastable", kShape},
    {"Dimension out of range", kShape},
    {"Expected size for first two dimensions", kShape},
    {"but expected shape", kShape},
    {"channels, but got", kShape},
    {"expanded size of the tensor", kShape},
    {"not implemented for '", kDtype},
    {"to have the same dtype", kDtype},
    {"same dtype", kDtype},
    {"xpected scalar type", kDtype},
    {"on the same device", kDevice},
});

const char* code_of(const std::string& reason) {
  for (const Sign& sign : kSigns) {
    if (reason.find(sign.text) != std::string::npos) return sign.code;
  }
  return kOperator;
}

struct Words {
  const char* sign;
  const char* said;
};

// What is said in place of libtorch's own words where these mislead: its Python could follow the advice.
constexpr auto kWords = std::to_array<Words>({
    {"randomness error mode",
     "expected an operator that gives the same result every time, got one that draws from libtorch's own generator, of "
     "which vmap has only one for the whole batch. Use a function of `random` with a key for each of the batch."},
    {"Tensor that doesn't have storage",
     "expected an operator that calls others, got one that reads a tensor's memory itself, which inside a transform it "
     "does not have. Call it outside, or write it with other operators."},
    {"modified by an inplace operation",
     "expected an operator with a derivative, got one that writes over numbers that its derivative needs. Write it "
     "with "
     "other operators."},
});

constexpr const char* kNotMapped =
    "expected tensors that vmap maps together, got some that it maps and others that it does not, for which libtorch "
    "has no rule here. Map the others too (`expand` them), or write it with other operators.";
constexpr const char* kWrites =
    "expected an operator that makes its result anew, got one that writes numbers that vmap maps into a tensor that it "
    "does not. Map the operator's other tensors too (`expand` them), or write it with other operators.";
constexpr const char* kNotStrided =
    "expected an operator on tensors of strided layout, got one that takes or makes another layout, which transforms "
    "do "
    "not know. Call it outside.";

// The same for what means this only under a transform's layers.
constexpr auto kWordsInLayers = std::to_array<Words>({
    {"from the 'Sparse", kNotStrided},
    {"tensors do not have", kNotStrided},
    {"incompatible with mkldnn tensor", kNotStrided},
    {"because there exists a Tensor `other`", kWrites},
    {"doesn't match the broadcast shape", kWrites},
    {"functorch/BatchRules", kNotMapped},
});

std::string reworded(const std::string& reason) {
  const auto is_said = [&reason](const Words& words) { return reason.find(words.sign) != std::string::npos; };
  const auto always = std::find_if(kWords.begin(), kWords.end(), is_said);
  if (always != kWords.end()) return always->said;
  if (!core::in_layers()) return "";
  const auto inside = std::find_if(kWordsInLayers.begin(), kWordsInLayers.end(), is_said);
  return inside == kWordsInLayers.end() ? "" : inside->said;
}

// Without the list of all backends, and without the advice to tell PyTorch's developers.
std::string shortened(const std::string& reason) {
  size_t end = reason.size();
  for (const char* more : {" This could be because the operator doesn't exist for this backend",
                           " Please file an issue", ", please file an issue", " Feel free to file"}) {
    end = std::min(end, reason.find(more));
  }
  return reason.substr(0, end);
}

std::string without_backtrace(const std::string& text) {
  const size_t trace = text.find("\nException raised from");
  return trace == std::string::npos ? text : text.substr(0, trace);
}

// What libtorch said. Not `what()`, which looks up the symbols of a backtrace: that takes milliseconds.
std::string reason_of(const std::exception& error) {
  if (const auto* from_torch = dynamic_cast<const c10::Error*>(&error)) return from_torch->what_without_backtrace();
  return without_backtrace(error.what());
}

// What becomes the error's cause: libtorch's own words, with its backtrace where EQUINODE_DEBUG asks for it.
std::string cause_of(const std::exception& error) {
  static const bool debug = [] {
    const char* value = std::getenv("EQUINODE_DEBUG");
    return value != nullptr && std::string(value) == "1";
  }();
  return debug ? error.what() : reason_of(error);
}

std::string held_by(const Env& env) {
  return concat(". ", env.slots->live(), " live tensor(s) of this thread hold ", env.slots->bytes(),
                " bytes: release some with `dispose` or `tidy`");
}

Napi::Value make(Env& env, const std::string& code, const std::string& op, const std::string& message,
                 const std::string& cause) {
  const Napi::Env js(env.raw);
  const std::string text = code == kMemory ? message + held_by(env) : message;
  if (env.error_factory.IsEmpty()) return Napi::Error::New(js, text).Value();
  try {
    return env.error_factory.Call({Napi::String::New(js, code), Napi::String::New(js, op), Napi::String::New(js, text),
                                   Napi::String::New(js, cause)});
  } catch (const Napi::Error& error) {
    // The JavaScript stack is full, or the environment is ending: that is the error then.
    return error.Value();
  }
}

std::string compose(const std::string& op, const std::string& given, const std::string& reason) {
  std::string message = op.empty() ? "" : op + ": ";
  if (!given.empty()) message += "libtorch refused " + given + ": ";
  message += reason;
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.pop_back();
  return message;
}

}  // namespace

bool is_out_of_memory() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const std::exception& error) {
    return code_of(reason_of(error)) == std::string(kMemory);
  } catch (...) {
    return false;
  }
}

napi_value fail(Env& env, napi_value error) {
  if (env.failed == nullptr) {
    napi_throw(env.raw, error);
    return nullptr;
  }
  *env.failed = 1;
  return error;
}

Napi::Value failure(Env& env, const std::string& op, const std::string& given) {
  try {
    throw;
  } catch (const effects::HostFailed& error) {
    const auto found = env.thrown.find(error.ticket);
    if (found == env.thrown.end()) return make(env, kOperator, op, compose(op, given, error.what()), "");
    napi_value value = nullptr;
    napi_get_reference_value(env.raw, found->second, &value);
    napi_delete_reference(env.raw, found->second);
    env.thrown.erase(found);
    return Napi::Value(env.raw, value);
  } catch (const Error& error) {
    // The user's own words.
    if (error.code() == std::string(kRuntime)) return make(env, kRuntime, "errorIf", error.what(), "");
    const std::string& name = error.op().empty() ? op : error.op();
    const bool from_operator = error.code() == std::string(kOperator);
    const std::string reason = error.what();
    const std::string own = from_operator ? reworded(reason) : "";
    if (!own.empty()) return make(env, kTransform, name, compose(name, "", own), reason);
    const char* code = from_operator ? code_of(reason) : error.code();
    return make(env, code, name, compose(name, from_operator ? given : "", reason), "");
  } catch (const std::bad_alloc&) {
    return make(env, kMemory, op, compose(op, given, "the host has no memory left"), "");
  } catch (const std::exception& error) {
    const std::string reason = reason_of(error);
    const std::string own = reworded(reason);
    if (!own.empty()) return make(env, kTransform, op, compose(op, "", own), cause_of(error));
    return make(env, code_of(reason), op, compose(op, given, shortened(reason)), cause_of(error));
  } catch (...) {
    return make(env, kOperator, op, compose(op, given, "an unknown failure"), "");
  }
}

}  // namespace equinode::napi
