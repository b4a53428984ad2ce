#pragma once

#include <ATen/core/ivalue.h>
#include <napi.h>

#include <vector>

#include "native/core/op_table.h"
#include "native/napi/env.h"

namespace equinode::napi {

// A result of an operator as JavaScript sees it: tensors as handles, an undefined tensor as 0.
napi_value write_result(Env& env, c10::IValue value, core::Kind kind);

Napi::Array write_handles(Env& env, std::vector<at::Tensor> tensors);

// As an array, or where there are many of them as a Float64Array.
Napi::Value write_packed_handles(Env& env, std::vector<at::Tensor> tensors);

}  // namespace equinode::napi
