#include "native/trace/pointwise.h"

#include <ATen/ATen.h>
#include <ATen/core/stack.h>
#include <ATen/EmptyTensor.h>
#include <ATen/ExpandUtils.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "native/base/error.h"

namespace equinode::trace {

namespace {

// Elements of a register: some dozens of registers fit the first-level caches.
constexpr int64_t kBlock = 512;
// Elements that are worth a thread of their own.
constexpr int64_t kGrain = 1 << 14;

// How the operands lie in memory, with axes joined wherever that is possible for all of them.
struct Layout {
  at::DimVector sizes;
  // For each input, and for the outputs, which are contiguous.
  std::vector<at::DimVector> strides;
  at::DimVector output;

  int64_t row() const { return sizes.back(); }
};

// The layout where every input has the sizes and the order of the outputs, or is one element.
std::optional<Layout> plain_layout(const std::vector<at::Tensor>& inputs, at::IntArrayRef sizes) {
  for (const at::Tensor& input : inputs) {
    if (input.dim() > 0 && !(input.sizes() == sizes && input.is_contiguous())) return std::nullopt;
  }
  Layout layout;
  layout.sizes.push_back(c10::multiply_integers(sizes));
  layout.output.push_back(1);
  for (const at::Tensor& input : inputs) layout.strides.emplace_back(1, input.dim() == 0 ? 0 : 1);
  return layout;
}

Layout layout_of(const std::vector<at::Tensor>& inputs, at::IntArrayRef sizes) {
  if (auto plain = plain_layout(inputs, sizes)) return *std::move(plain);
  Layout layout;
  layout.strides.resize(inputs.size());
  int64_t output_stride = 1;
  // From the innermost axis outwards; turned around in the end.
  for (size_t from_end = 1; from_end <= sizes.size(); ++from_end) {
    const int64_t size = sizes[sizes.size() - from_end];
    if (size == 1 && !(from_end == sizes.size() && layout.sizes.empty())) continue;
    std::vector<int64_t> strides;
    bool joins = !layout.sizes.empty();
    for (size_t i = 0; i < inputs.size(); ++i) {
      const at::IntArrayRef own = inputs[i].sizes();
      const bool has_axis = from_end <= own.size() && own[own.size() - from_end] != 1;
      strides.push_back(has_axis ? inputs[i].strides()[own.size() - from_end] : 0);
      joins = joins && strides[i] == layout.strides[i].back() * layout.sizes.back();
    }
    if (joins) {
      layout.sizes.back() *= size;
    } else {
      layout.sizes.push_back(size);
      layout.output.push_back(output_stride);
      for (size_t i = 0; i < inputs.size(); ++i) layout.strides[i].push_back(strides[i]);
    }
    output_stride *= size;
  }
  std::reverse(layout.sizes.begin(), layout.sizes.end());
  std::reverse(layout.output.begin(), layout.output.end());
  for (at::DimVector& strides : layout.strides) std::reverse(strides.begin(), strides.end());
  return layout;
}

// Rows shorter than this cost more to begin than to go through.
constexpr int64_t kShortRow = 32;

// Brings inputs that cannot be read row by row into the form of the outputs.
Layout readable_layout(std::vector<at::Tensor>& inputs, at::IntArrayRef sizes) {
  Layout layout = layout_of(inputs, sizes);
  const bool is_short = layout.sizes.size() > 1 && layout.row() < kShortRow;
  bool copied = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const at::DimVector& strides = layout.strides[i];
    const bool is_uniform = std::all_of(strides.begin(), strides.end(), [](int64_t stride) { return stride == 0; });
    if (is_uniform || (!is_short && (strides.back() == 0 || strides.back() == 1)) || strides == layout.output) continue;
    inputs[i] = inputs[i].expand(sizes).contiguous();
    copied = true;
  }
  return copied ? layout_of(inputs, sizes) : layout;
}

// Memory of this thread that lasts from call to call. Its contents do not.
float* scratch_of(size_t count) {
  thread_local std::unique_ptr<float[]> scratch;
  thread_local size_t size = 0;
  if (size < count) {
    scratch.reset(new float[count]);
    size = count;
  }
  return scratch.get();
}

// The registers of one thread, each a block of elements.
class Registers {
 public:
  Registers(const PointProgram& program, const Layout& layout, const std::vector<at::Tensor>& inputs,
            const std::vector<at::Tensor>& outputs, at::ArrayRef<double> constants, int64_t block)
      : layout_(layout), block_(block) {
    float* next = scratch_of((inputs.size() + constants.size() + static_cast<size_t>(program.temporaries)) *
                             static_cast<size_t>(block));
    for (size_t i = 0; i < inputs.size(); ++i) {
      auto* data = const_cast<float*>(inputs[i].const_data_ptr<float>());
      const at::DimVector& strides = layout.strides[i];
      Register made{data, data, &strides, next, Kind::kMoves};
      if (strides.back() == 0 && layout.row() > 1) {
        made.kind = Kind::kRepeats;
        if (std::all_of(strides.begin(), strides.end(), [](int64_t stride) { return stride == 0; })) {
          made.kind = Kind::kStays;
          std::fill(next, next + block, *data);
          made.start = next;
        }
        next += block;
      }
      registers_.push_back(made);
    }
    for (const double constant : constants) {
      std::fill(next, next + block, static_cast<float>(constant));
      registers_.push_back({next, next, nullptr, next, Kind::kStays});
      next += block;
    }
    for (const at::Tensor& output : outputs) {
      auto* data = output.mutable_data_ptr<float>();
      registers_.push_back({data, data, &layout.output, nullptr, Kind::kMoves});
    }
    for (int64_t i = 0; i < program.temporaries; ++i) {
      registers_.push_back({next, next, nullptr, next, Kind::kStays});
      next += block;
    }
  }

  // Goes to a row of the tensors.
  void enter(int64_t row) {
    for (Register& each : registers_) {
      if (each.kind == Kind::kStays) continue;
      int64_t offset = 0;
      int64_t left = row;
      for (size_t axis = layout_.sizes.size() - 1; axis-- > 0;) {
        offset += left % layout_.sizes[axis] * (*each.strides)[axis];
        left /= layout_.sizes[axis];
      }
      each.start = each.data + offset;
      if (each.kind == Kind::kRepeats) {
        std::fill(each.scratch, each.scratch + block_, *each.start);
        each.start = each.scratch;
      }
    }
  }

  float* at(int64_t index, int64_t column) const {
    if (index < 0) return nullptr;
    const Register& found = registers_[static_cast<size_t>(index)];
    return found.kind == Kind::kMoves ? found.start + column : found.start;
  }

 private:
  // Whether the block moves through memory, holds one element of each row, or is the same everywhere.
  enum class Kind { kMoves, kRepeats, kStays };
  struct Register {
    float* start;
    float* data;
    const at::DimVector* strides;
    float* scratch;
    Kind kind;
  };
  const Layout& layout_;
  int64_t block_;
  c10::SmallVector<Register, 32> registers_;
};

// Whether nothing else can see the tensor's memory. That of the user's own buffers has no allocator.
bool is_only_ours(const at::Tensor& tensor) {
  return tensor.use_count() == 1 && tensor.storage().use_count() == 1 && tensor.storage().allocator() != nullptr;
}

// The outputs. One that is written when an input of nobody else is no longer needed takes that input's memory.
std::vector<at::Tensor> make_outputs(const PointProgram& program, const std::vector<at::Tensor>& inputs,
                                     at::IntArrayRef sizes) {
  c10::SmallVector<bool, 32> is_free;
  for (const at::Tensor& input : inputs) {
    is_free.push_back(input.sizes() == sizes && input.is_contiguous() && is_only_ours(input));
  }
  std::vector<at::Tensor> outputs;
  for (const size_t written_at : program.written) {
    size_t taken = 0;
    while (taken < inputs.size() && !(is_free[taken] && program.last_read[taken] <= written_at)) ++taken;
    if (taken == inputs.size()) {
      outputs.push_back(at::detail::empty_cpu(sizes, at::kFloat));
    } else {
      is_free[taken] = false;
      outputs.push_back(inputs[taken]);
    }
  }
  return outputs;
}

void compute(const PointProgram& program, const Layout& layout, const std::vector<at::Tensor>& inputs,
             const std::vector<at::Tensor>& outputs, at::ArrayRef<double> constants) {
  const int64_t row = layout.row();
  at::parallel_for(0, outputs.front().numel(), kGrain, [&](int64_t begin, int64_t end) {
    const int64_t block = std::min({kBlock, row, end - begin});
    Registers registers(program, layout, inputs, outputs, constants, block);
    for (int64_t at = begin; at < end;) {
      registers.enter(at / row);
      const int64_t row_end = std::min(end, (at / row + 1) * row);
      for (; at < row_end; at += block) {
        const int64_t size = std::min(block, row_end - at);
        const int64_t column = at % row;
        for (const PointInstruction& step : program.instructions) {
          run_instruction(step.op, size, registers.at(step.target, column), registers.at(step.a, column),
                          registers.at(step.b, column), registers.at(step.c, column));
        }
      }
      at = row_end;
    }
  });
}

// The program that a list of a graph holds. Decoded once for each thread and list, which the entry keeps alive.
const PointProgram& program_of(const c10::IValue& code) {
  struct Entry {
    c10::IValue list;
    PointProgram program;
  };
  constexpr size_t kMost = 1024;
  thread_local std::unordered_map<const void*, Entry> known;
  const void* key = code.internalToPointer();
  const auto found = known.find(key);
  if (found != known.end()) return found->second.program;
  if (known.size() >= kMost) known.clear();
  return known.emplace(key, Entry{code, PointProgram::decode(code.toIntVector())}).first->second.program;
}

// Boxed, so that an argument that the graph no longer needs is nobody else's here.
void pointwise(const c10::OperatorHandle&, torch::jit::Stack* stack) {
  const std::vector<double> constants = torch::jit::pop(*stack).toDoubleVector();
  const c10::IValue code = torch::jit::pop(*stack);
  const PointProgram& program = program_of(code);
  std::vector<at::Tensor> inputs;
  at::DimVector sizes;
  {
    const c10::List<at::Tensor> given = torch::jit::pop(*stack).toTensorList();
    inputs.reserve(given.size());
    for (size_t i = 0; i < given.size(); ++i) {
      inputs.push_back(given.extract(i));
      require(inputs.back().scalar_type() == at::kFloat && inputs.back().is_cpu(), kDtype,
              "pointwise: expected float32 on the CPU");
      if (inputs.back().sizes() != sizes) sizes = at::infer_size_dimvector(sizes, inputs.back().sizes());
    }
  }
  require(!sizes.empty(), kShape, "pointwise: expected a tensor with an axis");
  std::vector<at::Tensor> outputs = make_outputs(program, inputs, sizes);
  // What is read in another form is no longer what an output may be written over.
  const Layout layout = readable_layout(inputs, sizes);
  compute(program, layout, inputs, outputs, constants);
  torch::jit::push(*stack, std::move(outputs));
}

TORCH_LIBRARY_FRAGMENT(equinode, m) { m.def("pointwise(Tensor[] inputs, int[] code, float[] constants) -> Tensor[]"); }

TORCH_LIBRARY_IMPL(equinode, CompositeExplicitAutograd, m) {
  m.impl("pointwise", torch::CppFunction::makeFromBoxedFunction<&pointwise>());
}

}  // namespace

void PointProgram::note_order() {
  const int64_t first_output = inputs + constants;
  last_read.assign(static_cast<size_t>(inputs), 0);
  written.assign(static_cast<size_t>(outputs), 0);
  for (size_t i = 0; i < instructions.size(); ++i) {
    const PointInstruction& step = instructions[i];
    for (const int64_t operand : {step.a, step.b, step.c}) {
      if (operand >= 0 && operand < inputs) last_read[static_cast<size_t>(operand)] = i;
    }
    const int64_t output = step.target - first_output;
    if (output >= 0 && output < outputs) written[static_cast<size_t>(output)] = i;
  }
}

std::vector<int64_t> PointProgram::encode() const {
  std::vector<int64_t> code = {inputs, constants, outputs, temporaries};
  for (const PointInstruction& step : instructions) {
    code.insert(code.end(), {static_cast<int64_t>(step.op), step.target, step.a, step.b, step.c});
  }
  return code;
}

PointProgram PointProgram::decode(const std::vector<int64_t>& code) {
  PointProgram program{code[0], code[1], code[2], code[3], {}, {}, {}};
  for (size_t i = 4; i + 4 < code.size(); i += 5) {
    program.instructions.push_back({static_cast<PointOp>(code[i]), code[i + 1], code[i + 2], code[i + 3], code[i + 4]});
  }
  program.note_order();
  return program;
}

}  // namespace equinode::trace
