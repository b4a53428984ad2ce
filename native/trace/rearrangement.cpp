#include "native/trace/rearrangement.h"

#include <c10/util/ArrayRef.h>

#include <utility>

namespace equinode::trace {

Rearrangement::Rearrangement(at::IntArrayRef sizes) : from_(sizes.vec()) {
  for (const int64_t size : sizes) {
    groups_.emplace_back();
    if (size == 1) continue;
    groups_.back().push_back(factors_.size());
    factors_.push_back(size);
  }
}

std::optional<Rearrangement> Rearrangement::viewed(at::IntArrayRef sizes) const {
  // The factors in the order of the second tensor's elements, each with the parts that the new axes split it into.
  std::vector<size_t> order;
  for (const auto& group : groups_) order.insert(order.end(), group.begin(), group.end());
  std::vector<std::vector<int64_t>> parts(factors_.size());
  // Each new axis takes parts: (factor, position among its parts).
  std::vector<std::vector<std::pair<size_t, size_t>>> taken;
  size_t next = 0;
  int64_t left = order.empty() ? 1 : factors_[order[0]];
  for (const int64_t size : sizes) {
    taken.emplace_back();
    int64_t wanted = size;
    while (wanted > 1) {
      if (next == order.size()) return std::nullopt;
      const int64_t part = wanted >= left ? left : wanted;
      if (wanted % part != 0 || left % part != 0) return std::nullopt;
      const size_t factor = order[next];
      taken.back().emplace_back(factor, parts[factor].size());
      parts[factor].push_back(part);
      wanted /= part;
      left /= part;
      if (left == 1 && ++next < order.size()) left = factors_[order[next]];
    }
  }
  if (next != order.size()) return std::nullopt;
  Rearrangement result(*this);
  result.factors_.clear();
  result.groups_.clear();
  std::vector<size_t> first(factors_.size());
  for (size_t i = 0; i < factors_.size(); ++i) {
    first[i] = result.factors_.size();
    result.factors_.insert(result.factors_.end(), parts[i].begin(), parts[i].end());
  }
  for (const auto& axis : taken) {
    result.groups_.emplace_back();
    for (const auto& [factor, part] : axis) result.groups_.back().push_back(first[factor] + part);
  }
  return result;
}

Rearrangement Rearrangement::permuted(at::IntArrayRef axes) const {
  Rearrangement result(*this);
  for (size_t i = 0; i < axes.size(); ++i) result.groups_[i] = groups_[static_cast<size_t>(axes[i])];
  return result;
}

std::vector<int64_t> Rearrangement::sizes() const {
  std::vector<int64_t> sizes;
  for (const auto& group : groups_) {
    sizes.push_back(1);
    for (const size_t factor : group) sizes.back() *= factors_[factor];
  }
  return sizes;
}

// The permutation of the first tensor's own axes that this is, if it is one.
std::optional<std::vector<int64_t>> Rearrangement::plain_axes() const {
  if (groups_.size() != from_.size()) return std::nullopt;
  // The axes of the factors, while these are whole axes, and the axes of size 1.
  std::vector<int64_t> whole;
  std::vector<int64_t> ones;
  for (size_t axis = 0; axis < from_.size(); ++axis) {
    if (from_[axis] == 1) {
      ones.push_back(static_cast<int64_t>(axis));
    } else if (whole.size() < factors_.size() && factors_[whole.size()] == from_[axis]) {
      whole.push_back(static_cast<int64_t>(axis));
    } else {
      return std::nullopt;
    }
  }
  std::vector<int64_t> axes;
  size_t next_one = 0;
  for (const auto& group : groups_) {
    if (group.size() > 1 || (group.empty() && next_one == ones.size())) return std::nullopt;
    axes.push_back(group.empty() ? ones[next_one++] : whole[group[0]]);
  }
  return axes;
}

Rearrangement::Steps Rearrangement::steps() const {
  Steps steps;
  steps.after = sizes();
  if (const auto axes = plain_axes(); axes.has_value() && !keeps_order()) {
    steps.before = from_;
    steps.axes = *axes;
    return steps;
  }
  std::vector<size_t> order;
  for (const auto& group : groups_) order.insert(order.end(), group.begin(), group.end());
  // Factors that stay neighbours are one axis of the permutation.
  std::vector<bool> joins_last(factors_.size(), false);
  for (size_t i = 1; i < order.size(); ++i) joins_last[order[i]] = order[i] == order[i - 1] + 1;
  std::vector<int64_t> axis_of(factors_.size());
  for (size_t i = 0; i < factors_.size(); ++i) {
    if (joins_last[i]) {
      steps.before.back() *= factors_[i];
    } else {
      steps.before.push_back(factors_[i]);
    }
    axis_of[i] = static_cast<int64_t>(steps.before.size()) - 1;
  }
  for (const size_t factor : order) {
    if (!joins_last[factor]) steps.axes.push_back(axis_of[factor]);
  }
  if (steps.axes.size() <= 1) steps.axes.clear();
  return steps;
}

bool Rearrangement::keeps_order() const {
  size_t next = 0;
  for (const auto& group : groups_) {
    for (const size_t factor : group) {
      if (factor != next++) return false;
    }
  }
  return true;
}

bool Rearrangement::is_view() const {
  for (const auto& group : groups_) {
    for (size_t i = 1; i < group.size(); ++i) {
      if (group[i] != group[i - 1] + 1) return false;
    }
  }
  return true;
}

}  // namespace equinode::trace
