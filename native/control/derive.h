#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "native/trace/program.h"
#include "native/transform/level.h"

namespace equinode::control {

using ProgramPointer = std::shared_ptr<const trace::Program>;

// Each function runs a program again, under a layer and while it is recorded, in a context of its own. `examples` are
// tensors like the program's inputs, of any layers: only their shapes and values count.

struct BatchedProgram {
  ProgramPointer program;
  // Which results have the batch, as their first axis.
  std::vector<bool> batched;
};

// The examples in `mask` have a batch as their first axis. Results in `forced` get one whether they differ or not.
BatchedProgram batch_program(const trace::Program& program, const std::vector<at::Tensor>& examples,
                             const std::vector<bool>& mask, const transform::NamedAxis& axis,
                             const std::vector<bool>& forced);

struct VjpProgram {
  // Inputs: those of the program, the cotangents of active results, the accumulators of the gradients in `accumulate`.
  // Results: those of the program, the gradients of the inputs in `by` (with their accumulators added).
  ProgramPointer joint;
  std::vector<bool> active;
};

VjpProgram vjp_program(const trace::Program& program, const std::vector<at::Tensor>& examples,
                       const std::vector<bool>& by, const std::vector<bool>& accumulate);

// The program as its derivative sees it, where rules of custom derivatives stand for their functions: what a derivative
// of the derivative is taken of.
ProgramPointer primal_part(const trace::Program& program, const VjpProgram& derivative);

struct JvpProgram {
  // Inputs: those of the program, the tangents of the inputs in `with`. Results: those of the program, the tangents of
  // the results in `active`.
  ProgramPointer program;
  std::vector<bool> active;
};

// Results in `forced` get a tangent whether they have one or not.
JvpProgram jvp_program(const trace::Program& program, const std::vector<at::Tensor>& examples,
                       const std::vector<bool>& with, const std::vector<bool>& forced);

// A tensor like another without its layers; like a slice of it along the first axis.
at::Tensor example_of(const at::Tensor& tensor);
at::Tensor example_slice(const at::Tensor& tensor);

size_t count(const std::vector<bool>& mask);

}  // namespace equinode::control
