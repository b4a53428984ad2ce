#pragma once

#include <utility>

namespace equinode {

// Runs a function when the block is left, by whatever way.
template <typename F>
class ScopeExit {
 public:
  explicit ScopeExit(F leave) : leave_(std::move(leave)) {}
  ~ScopeExit() { leave_(); }
  ScopeExit(const ScopeExit&) = delete;
  ScopeExit& operator=(const ScopeExit&) = delete;

 private:
  F leave_;
};

}  // namespace equinode
