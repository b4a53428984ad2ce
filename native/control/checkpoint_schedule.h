#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace equinode::control {

// Which steps of a loop of unknown length are kept, and which are computed again on the way back.
//
// Stumm and Walther, "New algorithms for optimal online checkpointing" (SIAM J. Sci. Comput. 32, 2010), algorithm I,
// and for longer loops Wang, Moin and Iaccarino, "Minimal repetition dynamic checkpointing algorithm for unsteady
// adjoint calculation" (SIAM J. Sci. Comput. 31, 2009); the same choices as equinox/internal/_loop/checkpointed.py.
class ForwardSchedule {
 public:
  // `max_steps` is -1 if there is no bound.
  ForwardSchedule(int64_t checkpoints, int64_t max_steps);

  // The place in which the carries before this step are kept, or -1. Asked for 0, 1, 2, ... in this order.
  int64_t place_for(int64_t step);

  // The step in each place; kNone where there is none.
  const std::vector<int64_t>& steps() const { return steps_; }

  static constexpr int64_t kNone = INT64_MAX;

 private:
  int64_t stumm_walther(int64_t step);
  int64_t wang_moin();

  int64_t checkpoints_;
  int64_t max_steps_;
  std::vector<int64_t> steps_;
  // The state of algorithm I under the paper's names.
  int64_t i_ = 0;
  int64_t o_;
  int64_t p_;
  bool s_ = true;
  std::vector<int64_t> levels_;
  std::vector<bool> dispensable_;
};

// What the way back does, in its order.
struct BackwardActions {
  // Goes on from the carries kept in a place.
  std::function<void(int64_t place)> load;
  // Keeps the present carries in a place.
  std::function<void(int64_t place)> keep;
  // Computes the step after the present carries again.
  std::function<void(int64_t step)> advance;
  // Takes the cotangents back over the step after the present carries.
  std::function<void(int64_t step)> turn;
};

// `steps` are those in each place, in increasing order.
void run_backward(int64_t step_count, std::vector<int64_t> steps, int64_t max_steps, const BackwardActions& actions);

// The steps whose body is computed on the way back of a loop of so many steps.
std::vector<int64_t> recomputed_steps(int64_t checkpoints, int64_t step_count, int64_t max_steps);

}  // namespace equinode::control
