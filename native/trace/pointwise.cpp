#include "native/trace/pointwise.h"

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>

#include "native/base/error.h"

namespace equinode::trace {

namespace {

// Elements of a register: some dozens of registers fit the first-level caches.
constexpr int64_t kBlock = 512;
// Elements that are worth a thread of their own.
constexpr int64_t kGrain = 1 << 14;

// One instruction over one block. Compiled once for each vector width; the machine's is chosen when it is loaded.
__attribute__((target_clones("avx512f", "fma", "default"))) void run_instruction(PointOp op, int64_t count,
                                                                                 float* target, const float* a,
                                                                                 const float* b, const float* c) {
  switch (op) {
    case PointOp::kAdd:
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] + b[i];
      return;
    case PointOp::kSub:
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] - b[i];
      return;
    case PointOp::kMul:
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] * b[i];
      return;
    case PointOp::kDiv:
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] / b[i];
      return;
    case PointOp::kNeg:
      for (int64_t i = 0; i < count; ++i) target[i] = -a[i];
      return;
    case PointOp::kAbs:
      for (int64_t i = 0; i < count; ++i) target[i] = std::fabs(a[i]);
      return;
    case PointOp::kSqrt:
      for (int64_t i = 0; i < count; ++i) target[i] = std::sqrt(a[i]);
      return;
    case PointOp::kReciprocal:
      for (int64_t i = 0; i < count; ++i) target[i] = 1.0F / a[i];
      return;
    case PointOp::kRelu:
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] <= 0.0F ? 0.0F : a[i];
      return;
    case PointOp::kThreshold:
      for (int64_t i = 0; i < count; ++i) target[i] = b[i] <= c[i] ? 0.0F : a[i];
      return;
    case PointOp::kLerpLow:
      for (int64_t i = 0; i < count; ++i) target[i] = __builtin_fmaf(c[i], b[i] - a[i], a[i]);
      return;
    case PointOp::kLerpHigh:
      for (int64_t i = 0; i < count; ++i) target[i] = __builtin_fmaf(c[i] - 1.0F, b[i] - a[i], b[i]);
      return;
    case PointOp::kSigmoidBackward:
      for (int64_t i = 0; i < count; ++i) target[i] = a[i] * (1.0F - b[i]) * b[i];
      return;
    case PointOp::kTanhBackward:
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

std::vector<at::Tensor> pointwise(at::TensorList given, at::IntArrayRef code, at::ArrayRef<double> constants) {
  const PointProgram program = PointProgram::decode(code.vec());
  std::vector<at::Tensor> inputs;
  const at::Tensor* shaped = nullptr;
  for (const at::Tensor& tensor : given) {
    require(tensor.scalar_type() == at::kFloat && tensor.is_cpu(), kDtype, "pointwise: expected float32 on the CPU");
    inputs.push_back(tensor.contiguous());
    if (tensor.dim() > 0) shaped = &tensor;
  }
  require(shaped != nullptr, kShape, "pointwise: expected a tensor with an axis");
  const int64_t count = shaped->numel();
  std::vector<at::Tensor> outputs;
  for (int64_t i = 0; i < program.outputs; ++i) outputs.push_back(at::detail::empty_cpu(shaped->sizes(), at::kFloat));

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
  return outputs;
}

TORCH_LIBRARY_FRAGMENT(equinode, m) { m.def("pointwise(Tensor[] inputs, int[] code, float[] constants) -> Tensor[]"); }

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) { m.impl("pointwise", pointwise); }

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
