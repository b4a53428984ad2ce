#include "native/control/checkpoint_schedule.h"

#include <algorithm>

namespace equinode::control {

ForwardSchedule::ForwardSchedule(int64_t checkpoints, int64_t max_steps)
    : checkpoints_(checkpoints),
      max_steps_(max_steps),
      steps_(static_cast<size_t>(checkpoints), kNone),
      o_(checkpoints),
      p_(checkpoints),
      levels_(static_cast<size_t>(checkpoints), 0),
      dispensable_(static_cast<size_t>(checkpoints), false) {
  levels_[0] = kNone;
}

int64_t ForwardSchedule::place_for(int64_t step) {
  // Equation (2.2) of Stumm and Walther: up to here algorithm I is optimal.
  const int64_t last = (checkpoints_ + 1) * (checkpoints_ + 2) / 2 - 1;
  int64_t place = step;
  if (checkpoints_ != max_steps_) place = step >= last ? wang_moin() : stumm_walther(step);
  if (place >= 0) steps_[static_cast<size_t>(place)] = step;
  return place;
}

int64_t ForwardSchedule::stumm_walther(int64_t step) {
  const int64_t place = s_ ? i_ : -1;
  if (s_) {
    ++i_;
    if (i_ > o_) i_ = 1;
  }
  if (step + 1 == p_) s_ = false;
  if (step == p_) {
    p_ += o_;
    --o_;
    i_ = o_;
    s_ = o_ > 0;
  }
  return place;
}

int64_t ForwardSchedule::wang_moin() {
  if (checkpoints_ == 1) return -1;
  size_t place = 0;
  int64_t level = 0;
  if (std::find(dispensable_.begin(), dispensable_.end(), true) != dispensable_.end()) {
    int64_t latest = -1;
    for (size_t k = 0; k < steps_.size(); ++k) {
      const int64_t step = dispensable_[k] ? steps_[k] : 0;
      if (step <= latest) continue;
      latest = step;
      place = k;
    }
    dispensable_[place] = false;
  } else {
    place = static_cast<size_t>(std::max_element(steps_.begin(), steps_.end()) - steps_.begin());
    level = levels_[place] + 1;
    for (size_t k = 0; k < steps_.size(); ++k) {
      if (levels_[k] < levels_[place]) dispensable_[k] = true;
    }
  }
  levels_[place] = level;
  return static_cast<int64_t>(place);
}

namespace {

// The next step to keep when places from `place` on are free.
int64_t next_kept(int64_t step, int64_t turn_at, int64_t place, int64_t checkpoints) {
  if (place == checkpoints || step + 1 == turn_at || step + 2 == turn_at) return ForwardSchedule::kNone;
  const bool is_within_budget = turn_at - step - 2 <= checkpoints - place;
  return is_within_budget ? step + 1 : step + (turn_at - step) / 2;
}

}  // namespace

void run_backward(int64_t step_count, std::vector<int64_t> steps, int64_t max_steps, const BackwardActions& actions) {
  const auto checkpoints = static_cast<int64_t>(steps.size());
  const bool keeps_all = checkpoints == max_steps;
  int64_t turn_at = step_count;
  int64_t place = std::min(step_count, checkpoints);
  int64_t step = 0;
  int64_t next = 0;
  const auto load = [&] {
    const int64_t from = std::max<int64_t>(place - 1, 0);
    step = steps[static_cast<size_t>(from)];
    actions.load(from);
    // A place from which the next step is a turn is not needed again.
    if (keeps_all || step + 1 == turn_at) place = from;
    next = next_kept(step, turn_at, place, checkpoints);
  };
  if (turn_at > 0) load();
  while (turn_at > 0) {
    if (keeps_all || step + 1 == turn_at) {
      actions.turn(step);
      --turn_at;
      if (turn_at > 0) load();
    } else {
      actions.advance(step);
      ++step;
    }
    if (keeps_all || turn_at == 0 || step != next) continue;
    actions.keep(place);
    steps[static_cast<size_t>(place)] = step;
    ++place;
    next = next_kept(step, turn_at, place, checkpoints);
  }
}

std::vector<int64_t> recomputed_steps(int64_t checkpoints, int64_t step_count, int64_t max_steps) {
  ForwardSchedule schedule(checkpoints, max_steps);
  for (int64_t step = 0; step < step_count; ++step) schedule.place_for(step);
  std::vector<int64_t> steps = schedule.steps();
  std::sort(steps.begin(), steps.end());
  std::vector<int64_t> computed;
  const auto note = [&](int64_t step) { computed.push_back(step); };
  const auto ignore = [](int64_t) {};
  run_backward(step_count, steps, max_steps, {ignore, ignore, note, note});
  return computed;
}

}  // namespace equinode::control
