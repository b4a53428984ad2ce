// Errors that depend on values: the operators under `errorIf`.
//
// `check` looks at a predicate and returns a token without elements; `after` returns its tensor once there is a token.
// So a check runs before the uses of what it guards, and not at all where nobody uses that: neither operator has a
// side effect, as far as TorchScript knows. Two checks with the same operands are one and the same.
#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/List.h>
#include <torch/library.h>

#include <string>
#include <string_view>
#include <utility>

#include "native/base/carried.h"
#include "native/base/error.h"
#include "native/core/dispatch.h"
#include "native/effects/batching.h"
#include "native/effects/check.h"
#include "native/effects/identity.h"

namespace equinode::effects {

namespace {

using Messages = c10::List<std::string>;

// A longer list of failed elements of a batch helps nobody.
constexpr size_t kListed = 8;

thread_local std::string failed_check;

std::string message_at(const Messages& messages, int64_t index) {
  const auto count = static_cast<int64_t>(messages.size());
  if (index >= 0 && index < count) return messages.get(index);
  return concat("An error occurred, but which one is unknown: expected an index of one of ", count, " message(s), got ",
                index, ".");
}

// "Batch index (1,) had error:" and the message, for each failed element.
std::string batch_message(const at::Tensor& pred, const at::Tensor& index, const Messages& messages) {
  const at::Tensor failed = pred.nonzero();
  const at::Tensor which = index.expand(pred.sizes());
  const auto count = static_cast<size_t>(failed.size(0));
  std::string text;
  for (size_t i = 0; i < count && i < kListed; ++i) {
    at::Tensor chosen = which;
    std::string place;
    for (int64_t axis = 0; axis < pred.dim(); ++axis) {
      const int64_t at = failed[static_cast<int64_t>(i)][axis].item<int64_t>();
      chosen = chosen[at];
      place += concat(axis == 0 ? "" : " ", at, axis + 1 == pred.dim() && axis > 0 ? "" : ",");
    }
    if (i > 0) text += "\n\n";
    text += concat("Batch index (", place, ") had error:\n", message_at(messages, chosen.item<int64_t>()));
  }
  if (count > kListed) text += concat("\n\nand ", count - kListed, " more of the batch.");
  return text;
}

at::Tensor check(const at::Tensor& pred, const at::Tensor& index, const Messages& messages, std::string_view where) {
  const at::Tensor token = at::empty({0}, pred.options().dtype(at::kByte));
  if (!pred.any().item<bool>() || (core::in_trace() && !failed_check.empty())) return token;
  const std::string text = pred.dim() == 0 ? message_at(messages, index.max().item<int64_t>())
                                           : batch_message(pred.cpu(), index.cpu(), messages);
  if (core::in_trace()) {
    failed_check = concat(text, where);
    return token;
  }
  throw_carried(Error(kRuntime, concat(text, where)));
}

at::Tensor call_check(const at::Tensor& pred, const at::Tensor& index, const Messages& messages,
                      std::string_view where) {
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("equinode::check", "").typed<decltype(check)>();
  return op.call(pred, index, messages, where);
}

at::Tensor after(const at::Tensor& x, const at::Tensor&) { return same_values(x); }

at::Tensor call_after(const at::Tensor& x, const at::Tensor& token) {
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("equinode::after", "").typed<decltype(after)>();
  return op.call(x, token);
}

// The predicate of a batch has the batch's axes; an error anywhere stops them all, so the token belongs to no element.
at::Tensor batched_check(const at::Tensor& pred, const at::Tensor& index, const Messages& messages,
                         std::string_view where) {
  const BatchLevel batch;
  const bool is_batched = batch.open(pred).second.has_value() || batch.open(index).second.has_value();
  if (!is_batched) return call_check(batch.open(pred).first, batch.open(index).first, messages, where);
  return call_check(batch.front(pred, true), batch.front(index, true), messages, where);
}

at::Tensor batched_after(const at::Tensor& x, const at::Tensor& token) {
  const BatchLevel batch;
  const auto [value, axis] = batch.open(x);
  const at::Tensor result = call_after(value, batch.open(token).first);
  return axis.has_value() ? batch.close(result, *axis) : result;
}

at::Tensor check_below_autograd(const at::Tensor& pred, const at::Tensor& index, const Messages& messages,
                                std::string_view where) {
  const at::AutoDispatchBelowADInplaceOrView below;
  return call_check(pred, index, messages, where);
}

at::Tensor differentiable_after(const at::Tensor& x, const at::Tensor& token) {
  at::Tensor result;
  {
    const at::AutoDispatchBelowADInplaceOrView below;
    result = call_after(x, token);
  }
  pass_derivatives(x, result);
  return result;
}

TORCH_LIBRARY_FRAGMENT(equinode, m) {
  m.def("check(Tensor pred, Tensor index, str[] messages, str where) -> Tensor");
  m.def("after(Tensor(a) x, Tensor token) -> Tensor(a)");
}

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) {
  m.impl("check", check);
  m.impl("after", after);
}

TORCH_LIBRARY_IMPL(equinode, FuncTorchBatched, m) {
  m.impl("check", batched_check);
  m.impl("after", batched_after);
}

TORCH_LIBRARY_IMPL(equinode, Autograd, m) {
  m.impl("check", check_below_autograd);
  m.impl("after", differentiable_after);
}

}  // namespace

std::string take_failed_check() { return std::exchange(failed_check, {}); }

}  // namespace equinode::effects
