#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace equinode::trace {

// Replaces groups of pointwise operators with float32 results of one shape by `equinode::pointwise`, which goes over
// memory once. Needs the complete types of the values. Nodes do not move past writes, loops and branches.
//
// NOTE [fusion levels]: nodes of one shape may be fused when no path leads from one to another through a node outside.
// A node's level is the greatest of its inputs', plus one where the producer is not a fusible node of the same shape;
// so such a path always raises the level, and the nodes of one shape and level form no cycle with the rest.
void fuse_pointwise(const std::shared_ptr<torch::jit::Graph>& graph);

}  // namespace equinode::trace
