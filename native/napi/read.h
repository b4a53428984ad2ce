#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "native/core/op_table.h"
#include "native/napi/env.h"

namespace equinode::napi {

// A JavaScript value as the IValue of an operator's argument; throws ERR_ARGUMENT that says what was expected and
// what came. See the encoding in lib/native.ts.
c10::IValue read_argument(Env& env, napi_value value, const core::Argument& argument);

core::Handle read_handle(napi_env env, napi_value value);
std::vector<core::Handle> read_handles(const Napi::Value& value);

// A JavaScript value for a message: tensors as float32[2,3].
std::string describe_argument(Env& env, napi_value value, const core::Argument& argument);

}  // namespace equinode::napi
