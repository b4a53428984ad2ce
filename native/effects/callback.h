#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <vector>

namespace equinode::effects {

// Runs the host's function of a number: inputs, and the sizes of the batch axes that they have in front.
using HostCall =
    std::function<std::vector<at::Tensor>(int64_t id, std::vector<at::Tensor> inputs, std::vector<int64_t> batch)>;

// How the operators `callback` and `effect` reach the host on this thread, for the span of a scope.
class HostCallScope {
 public:
  explicit HostCallScope(HostCall call);
  ~HostCallScope();
  HostCallScope(const HostCallScope&) = delete;
  HostCallScope& operator=(const HostCallScope&) = delete;

 private:
  HostCall outer_;
};

// The host's function threw; the host keeps what it threw under this number.
struct HostFailed : public std::exception {
  explicit HostFailed(uint64_t given) : ticket(given) {}
  const char* what() const noexcept override { return "a callback threw"; }
  uint64_t ticket;
};

}  // namespace equinode::effects
