#pragma once

namespace equinode::napi {

// What is set once in a process, however many environments load the addon: how the allocator keeps memory, and how
// many threads an operator uses.
void prepare_process();

}  // namespace equinode::napi
