#pragma once

#include <memory>
#include <vector>

#include "native/trace/program.h"

namespace equinode::control {

// A program whose last inputs are known late, as two.
struct Partition {
  // Takes the early inputs; gives the early results, then what `late` needs.
  std::shared_ptr<const trace::Program> early;
  // Takes the early inputs in `kept`, the saved values, the late inputs; gives the late results.
  std::shared_ptr<const trace::Program> late;
  std::vector<size_t> kept;
  size_t saved = 0;
};

// What does not depend on late inputs is computed early and saved, but for what costs next to nothing (views, sizes,
// constants) and what depends on inputs in `invariant` alone. Inputs that are not `keepable` are saved as values.
Partition partition(const trace::Program& joint, size_t early_inputs, size_t early_results,
                    const std::vector<bool>& keepable, const std::vector<bool>& invariant);

}  // namespace equinode::control
