#include "native/trace/passes.h"

#include <torch/csrc/jit/passes/common_subexpression_elimination.h>
#include <torch/csrc/jit/passes/constant_pooling.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/peephole.h>

#include "native/trace/fuse_pointwise.h"

namespace equinode::trace {

namespace jit = torch::jit;

void optimise(const std::shared_ptr<jit::Graph>& graph) {
  jit::EliminateDeadCode(graph);
  jit::ConstantPooling(graph);
  jit::EliminateCommonSubexpression(graph);
  jit::PeepholeOptimize(graph);
  jit::EliminateDeadCode(graph);
}

void specialise(const std::shared_ptr<jit::Graph>& graph) {
  fuse_pointwise(graph);
  jit::ConstantPooling(graph);
  jit::EliminateDeadCode(graph);
}

}  // namespace equinode::trace
