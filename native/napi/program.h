#pragma once

#include <napi.h>

#include <memory>
#include <utility>
#include <vector>

#include "native/napi/env.h"
#include "native/trace/program.h"

namespace equinode::napi {

using ProgramPointer = std::shared_ptr<const trace::Program>;

// The program that JavaScript holds.
inline const ProgramPointer& program_of(const Napi::Value& value) {
  return *value.As<Napi::External<ProgramPointer>>().Data();
}

// Hands a program to JavaScript.
Napi::Value write_program(Napi::Env js, ProgramPointer program);

// The tensors of a list of handles, as an operator may use them.
std::vector<at::Tensor> operands_of(Env& env, const Napi::Value& handles);

}  // namespace equinode::napi
