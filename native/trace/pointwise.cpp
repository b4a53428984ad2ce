#include "native/trace/pointwise.h"

#include <ATen/ATen.h>
#include <ATen/core/stack.h>
#include <ATen/EmptyTensor.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "native/base/error.h"

namespace equinode::trace {

namespace {

// Elements of a register: some dozens of registers fit the first-level caches.
constexpr int64_t kBlock = 512;
// Elements that are worth a thread of their own.
constexpr int64_t kGrain = 1 << 14;

// One instruction over one block. The target may be an operand, which hinders no vector loop: each element is read
// before it is written. Compiled once for each vector width; the machine's is chosen when it is loaded.
__attribute__((target_clones("avx512f", "fma", "default"))) void run_instruction(PointOp op, int64_t count,
                                                                                 float* target, const float* a,
                                                                                 const float* b, const float* c) {
  switch (op) {
    case PointOp::kAdd:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] + b[i];
      return;
    case PointOp::kSub:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] - b[i];
      return;
    case PointOp::kMul:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] * b[i];
      return;
    case PointOp::kDiv:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] / b[i];
      return;
    case PointOp::kNeg:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = -a[i];
      return;
    case PointOp::kAbs:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = std::fabs(a[i]);
      return;
    case PointOp::kSqrt:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = std::sqrt(a[i]);
      return;
    case PointOp::kReciprocal:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = 1.0F / a[i];
      return;
    case PointOp::kRelu:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] <= 0.0F ? 0.0F : a[i];
      return;
    case PointOp::kThreshold:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = b[i] <= c[i] ? 0.0F : a[i];
      return;
    case PointOp::kLerpLow:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = __builtin_fmaf(c[i], b[i] - a[i], a[i]);
      return;
    case PointOp::kLerpHigh:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = __builtin_fmaf(c[i] - 1.0F, b[i] - a[i], b[i]);
      return;
    case PointOp::kSigmoidBackward:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] * (1.0F - b[i]) * b[i];
      return;
    case PointOp::kTanhBackward:
#pragma GCC ivdep
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] * (1.0F - b[i] * b[i]);
      return;
  }
}

// The block of every register at one offset.
class Registers {
 public:
  Registers(const PointProgram& program, const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& outputs,
            at::ArrayRef<double> constants, int64_t block)
      : scratch_(static_cast<size_t>((inputs.size() + constants.size() + program.temporaries) * block)) {
    float* next = scratch_.data();
    const auto filled = [&](float value) {
      float* start = next;
      std::fill(start, start + block, value);
      next += block;
      return Register{start, false};
    };
    for (const at::Tensor& input : inputs) {
      auto* data = const_cast<float*>(input.const_data_ptr<float>());
      registers_.push_back(input.dim() == 0 ? filled(*data) : Register{data, true});
    }
    for (const double constant : constants) registers_.push_back(filled(static_cast<float>(constant)));
    for (const at::Tensor& output : outputs) registers_.push_back({output.mutable_data_ptr<float>(), true});
    for (int64_t i = 0; i < program.temporaries; ++i) {
      registers_.push_back({next, false});
      next += block;
    }
  }

  float* at(int64_t index, int64_t offset) const {
    if (index < 0) return nullptr;
    const Register& found = registers_[static_cast<size_t>(index)];
    return found.moves ? found.start + offset : found.start;
  }

 private:
  struct Register {
    float* start;
    // Whether the block moves through a tensor's memory.
    bool moves;
  };
  std::vector<float> scratch_;
  std::vector<Register> registers_;
};

// Whether nothing else can see the tensor's memory. That of the user's own buffers has no allocator.
bool is_only_ours(const at::Tensor& tensor) {
  return tensor.use_count() == 1 && tensor.storage().use_count() == 1 && tensor.storage().allocator() != nullptr;
}

// The outputs. One that is written when an input of nobody else is no longer needed takes that input's memory.
std::vector<at::Tensor> make_outputs(const PointProgram& program, const std::vector<at::Tensor>& inputs,
                                     at::IntArrayRef sizes) {
  const int64_t first_output = program.inputs + program.constants;
  std::vector<size_t> last_read(inputs.size(), 0);
  std::vector<size_t> written(static_cast<size_t>(program.outputs), 0);
  for (size_t i = 0; i < program.instructions.size(); ++i) {
    const PointInstruction& step = program.instructions[i];
    for (const int64_t operand : {step.a, step.b, step.c}) {
      if (operand >= 0 && operand < program.inputs) last_read[static_cast<size_t>(operand)] = i;
    }
    const int64_t output = step.target - first_output;
    if (output >= 0 && output < program.outputs) written[static_cast<size_t>(output)] = i;
  }
  std::vector<bool> is_free;
  for (const at::Tensor& input : inputs) is_free.push_back(input.dim() > 0 && is_only_ours(input));
  std::vector<at::Tensor> outputs;
  for (const size_t written_at : written) {
    size_t taken = 0;
    while (taken < inputs.size() && !(is_free[taken] && last_read[taken] <= written_at)) ++taken;
    if (taken == inputs.size()) {
      outputs.push_back(at::detail::empty_cpu(sizes, at::kFloat));
    } else {
      is_free[taken] = false;
      outputs.push_back(inputs[taken]);
    }
  }
  return outputs;
}

void compute(const PointProgram& program, const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& outputs,
             at::ArrayRef<double> constants) {
  const int64_t count = outputs.front().numel();
  at::parallel_for(0, count, kGrain, [&](int64_t begin, int64_t end) {
    const int64_t block = std::min(kBlock, end - begin);
    const Registers registers(program, inputs, outputs, constants, block);
    for (int64_t offset = begin; offset < end; offset += block) {
      const int64_t size = std::min(block, end - offset);
      for (const PointInstruction& step : program.instructions) {
        run_instruction(step.op, size, registers.at(step.target, offset), registers.at(step.a, offset),
                        registers.at(step.b, offset), registers.at(step.c, offset));
      }
    }
  });
}

// Boxed, so that an argument that the graph no longer needs is nobody else's here.
void pointwise(const c10::OperatorHandle&, torch::jit::Stack* stack) {
  const std::vector<double> constants = torch::jit::pop(*stack).toDoubleVector();
  const PointProgram program = PointProgram::decode(torch::jit::pop(*stack).toIntVector());
  std::vector<at::Tensor> inputs;
  at::DimVector sizes;
  {
    const c10::List<at::Tensor> given = torch::jit::pop(*stack).toTensorList();
    for (size_t i = 0; i < given.size(); ++i) {
      at::Tensor tensor = given.extract(i);
      require(tensor.scalar_type() == at::kFloat && tensor.is_cpu(), kDtype, "pointwise: expected float32 on the CPU");
      if (tensor.dim() > 0) sizes = tensor.sizes();
      inputs.push_back(tensor.is_contiguous() ? std::move(tensor) : tensor.contiguous());
    }
  }
  require(!sizes.empty(), kShape, "pointwise: expected a tensor with an axis");
  std::vector<at::Tensor> outputs = make_outputs(program, inputs, sizes);
  compute(program, inputs, outputs, constants);
  torch::jit::push(*stack, std::move(outputs));
}

TORCH_LIBRARY_FRAGMENT(equinode, m) { m.def("pointwise(Tensor[] inputs, int[] code, float[] constants) -> Tensor[]"); }

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) {
  m.impl("pointwise", torch::CppFunction::makeFromBoxedFunction<&pointwise>());
}

}  // namespace

std::vector<int64_t> PointProgram::encode() const {
  std::vector<int64_t> code = {inputs, constants, outputs, temporaries};
  for (const PointInstruction& step : instructions) {
    code.insert(code.end(), {static_cast<int64_t>(step.op), step.target, step.a, step.b, step.c});
  }
  return code;
}

PointProgram PointProgram::decode(const std::vector<int64_t>& code) {
  PointProgram program{code[0], code[1], code[2], code[3], {}};
  for (size_t i = 4; i + 4 < code.size(); i += 5) {
    program.instructions.push_back({static_cast<PointOp>(code[i]), code[i + 1], code[i + 2], code[i + 3], code[i + 4]});
  }
  return program;
}

}  // namespace equinode::trace
