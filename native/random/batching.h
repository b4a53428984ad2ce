// The batching rule of the operators that take a key: every key of a batch draws its own numbers.
#pragma once

#include <ATen/ATen.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/PlumbingHelper.h>

#include <utility>
#include <vector>

#include "native/base/error.h"

namespace equinode::random {

// Calls `call(key, parameters)` below the current layer of vmap, with its axis in front of the key and of all
// parameters, where the kernels expect it.
template <typename Call>
at::Tensor batched(const at::Tensor& key, std::vector<at::Tensor> parameters, const Call& call) {
  const auto layer = at::functorch::maybeCurrentDynamicLayer();
  require(layer.has_value(), kTransform, "random: no vmap is active");
  const int64_t level = layer->layerId();
  c10::impl::ExcludeDispatchKeyGuard below(c10::DispatchKey::FuncTorchBatched);
  std::vector<at::Tensor> values{key};
  values.insert(values.end(), parameters.begin(), parameters.end());
  std::vector<bool> is_batched;
  int64_t size = -1;
  for (at::Tensor& value : values) {
    auto [inner, axis] = at::functorch::unwrapTensorAtLevel(value, level);
    value = axis.has_value() ? inner.movedim(*axis, 0) : inner;
    is_batched.push_back(axis.has_value());
    if (axis.has_value()) size = value.size(0);
  }
  if (size >= 0) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (is_batched[i]) continue;
      std::vector<int64_t> sizes = values[i].sizes().vec();
      sizes.insert(sizes.begin(), size);
      values[i] = values[i].expand(sizes);
    }
  }
  const at::Tensor result = call(values[0], std::vector<at::Tensor>(values.begin() + 1, values.end()));
  return size < 0 ? result : at::functorch::makeBatched(result, 0, level);
}

// The operator of a full name, to be called below a layer.
template <typename Signature>
c10::TypedOperatorHandle<Signature> operator_named(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

}  // namespace equinode::random
