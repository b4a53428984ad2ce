// Control flow: loops and branches whose bodies are programs.
#include <ATen/core/LegacyTypeDispatch.h>

#include <memory>
#include <utility>

#include "native/control/branch.h"
#include "native/control/checkpoint_schedule.h"
#include "native/control/rewire.h"
#include "native/control/scan.h"
#include "native/control/while_loop.h"
#include "native/core/dispatch.h"
#include "native/napi/bind.h"
#include "native/napi/failure.h"
#include "native/napi/program.h"
#include "native/napi/write.h"

namespace equinode::napi {

namespace {

size_t size_at(const Napi::CallbackInfo& info, size_t position) {
  return static_cast<size_t>(info[position].As<Napi::Number>().Int64Value());
}

Napi::Value run_form(Env& env, const control::ControlForm& form, const Napi::Value& handles) {
  const std::vector<at::Tensor> inputs = operands_of(env, handles);
  if (core::autograd_may_record()) return write_handles(env, control::call_form(form, inputs));
  at::AutoDispatchBelowADInplaceOrView below;
  return write_handles(env, control::call_form(form, inputs));
}

// branch(programs, inputs)
Napi::Value branch(Env& env, const Napi::CallbackInfo& info) {
  env.op = "cond";
  const auto list = info[0].As<Napi::Array>();
  std::vector<control::ProgramPointer> programs;
  for (uint32_t i = 0; i < list.Length(); ++i) programs.push_back(program_of(list.Get(i)));
  return run_form(env, *std::make_shared<const control::Branch>(std::move(programs), 0), info[1]);
}

// scan(body, carries, sliced, length, reverse, inputs)
Napi::Value scan(Env& env, const Napi::CallbackInfo& info) {
  env.op = "scan";
  const auto form = std::make_shared<const control::Scan>(program_of(info[0]), size_at(info, 1), size_at(info, 2),
                                                          info[3].As<Napi::Number>().Int64Value(),
                                                          info[4].As<Napi::Boolean>().Value());
  return run_form(env, *form, info[5]);
}

// whileLoop(cond, body, carries, condConsts, maxSteps, checkpoints, inputs)
Napi::Value while_loop(Env& env, const Napi::CallbackInfo& info) {
  env.op = "whileLoop";
  const auto form = std::make_shared<const control::WhileLoop>(
      control::LoopParts{program_of(info[0]), program_of(info[1]), size_at(info, 2), size_at(info, 3), 0,
                         info[4].As<Napi::Number>().Int64Value(), info[5].As<Napi::Number>().Int64Value()});
  return run_form(env, *form, info[6]);
}

// recomputedSteps(checkpoints, steps, maxSteps)
Napi::Value recomputed_steps(Env&, const Napi::CallbackInfo& info) {
  const auto steps =
      control::recomputed_steps(info[0].As<Napi::Number>().Int64Value(), info[1].As<Napi::Number>().Int64Value(),
                                info[2].As<Napi::Number>().Int64Value());
  Napi::Array array = Napi::Array::New(info.Env(), steps.size());
  for (size_t i = 0; i < steps.size(); ++i) array.Set(static_cast<uint32_t>(i), static_cast<double>(steps[i]));
  return array;
}

// takeInputs(program, inputs, takes): the same program with `inputs` inputs, of which it takes those given.
Napi::Value take_inputs(Env&, const Napi::CallbackInfo& info) {
  std::vector<size_t> takes;
  const auto list = info[2].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    takes.push_back(static_cast<size_t>(list.Get(i).As<Napi::Number>().Int64Value()));
  }
  const ProgramPointer& program = program_of(info[0]);
  std::vector<control::Wire> wires;
  for (size_t i = 0; i < program->graph().outputs().size(); ++i) wires.push_back({false, i});
  return write_program(info.Env(), control::rewire(*program, size_at(info, 1), takes, wires));
}

}  // namespace

void bind_control(Env& env, Napi::Object exports) {
  define<branch>(env, exports, "branch");
  define<scan>(env, exports, "scan");
  define<while_loop>(env, exports, "whileLoop");
  define<recomputed_steps>(env, exports, "recomputedSteps");
  define<take_inputs>(env, exports, "takeInputs");
}

}  // namespace equinode::napi
