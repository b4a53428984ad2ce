#pragma once

namespace equinode::trace {

// NOTE [forward derivatives that libtorch lacks]: some operators of backward passes have no forward derivative: those
// of softmax, logSoftmax, layerNorm and nllLoss. Then libtorch runs a decomposition in their place, if there is one; in
// Python there are such (torch/_decomp/decompositions_for_jvp.py), in C++ there are none but ours.

// Registers them, once for the process.
void register_forward_decompositions();

}  // namespace equinode::trace
