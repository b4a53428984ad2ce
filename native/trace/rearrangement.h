#pragma once

#include <ATen/core/ATen_fwd.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace equinode::trace {

// How the elements of one tensor become those of another by views and permutations alone. The axes of the first are
// split into factors as fine as needed; the second's axes are products of these factors. Whatever chain of views and
// permutations led there, the same rearrangement has the same factors and groups, so that chains which cancel vanish.
class Rearrangement {
 public:
  // The identity on tensors of these sizes, which must not be 0.
  explicit Rearrangement(at::IntArrayRef sizes);

  // What follows on this one. Empty where a view has axes that no factors give.
  std::optional<Rearrangement> viewed(at::IntArrayRef sizes) const;
  Rearrangement permuted(at::IntArrayRef axes) const;

  // The rearrangement as a view, a permutation and a view, none of which is more than is needed: `before` are the sizes
  // to view the first tensor in, `axes` the permutation (empty if there is none), `after` the sizes at the end.
  struct Steps {
    std::vector<int64_t> before;
    std::vector<int64_t> axes;
    std::vector<int64_t> after;
  };
  Steps steps() const;

  // Whether the elements keep their order.
  bool keeps_order() const;

  // Whether the second tensor can be a view of the first, if that is contiguous.
  bool is_view() const;

  // The sizes of the second tensor.
  std::vector<int64_t> sizes() const;

 private:
  std::optional<std::vector<int64_t>> plain_axes() const;

  // The sizes of the first tensor.
  std::vector<int64_t> from_;
  // The factors, in the order of the first tensor's elements. Factors of 1 are left out.
  std::vector<int64_t> factors_;
  // For each axis of the second tensor, the factors that it is the product of.
  std::vector<std::vector<size_t>> groups_;
};

}  // namespace equinode::trace
