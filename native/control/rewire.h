#pragma once

#include <memory>
#include <vector>

#include "native/trace/program.h"

namespace equinode::control {

// A result of a rewired program: one of the program's, or one of the new inputs as it is.
struct Wire {
  bool is_input;
  size_t index;
};

// A program with `inputs` inputs, of which the i-th one of `program` takes `takes[i]`, and with the given results.
std::shared_ptr<const trace::Program> rewire(const trace::Program& program, size_t inputs,
                                             const std::vector<size_t>& takes, const std::vector<Wire>& results);

}  // namespace equinode::control
