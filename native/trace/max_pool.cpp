#include "native/trace/max_pool.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

namespace equinode::trace {

namespace {

// One axis of the window.
struct Axis {
  int64_t kernel;
  int64_t stride;
  int64_t padding;
  int64_t dilation;
};

struct Planes {
  const float* input;
  float* output;
  int64_t* indices;
  int64_t in_rows, in_columns;
  int64_t out_rows, out_columns;
  Axis rows, columns;
};

// Columns [first, last) of the output for which the window's element `tap` lies inside the input.
std::pair<int64_t, int64_t> inside(const Axis& axis, int64_t tap, int64_t in_size, int64_t out_size) {
  const int64_t shift = tap * axis.dilation - axis.padding;
  const int64_t first = shift >= 0 ? 0 : (-shift + axis.stride - 1) / axis.stride;
  const int64_t end = in_size - shift;
  const int64_t last = end <= 0 ? 0 : (end + axis.stride - 1) / axis.stride;
  return {std::min(first, out_size), std::min(last, out_size)};
}

// Takes the larger of what is there and one element of every window; a NaN wins, as in libtorch.
__attribute__((target_clones("avx512f", "avx2", "default"))) void take_larger(int64_t count, int64_t stride,
                                                                              const float* candidates, int32_t index,
                                                                              float* best, int32_t* best_index) {
  const auto step = static_cast<int32_t>(stride);
  if (stride == 1) {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      const float value = candidates[i];
      const bool wins = static_cast<bool>(static_cast<int>(value > best[i]) | static_cast<int>(value != value));
      best[i] = wins ? value : best[i];
      best_index[i] = wins ? index + static_cast<int32_t>(i) : best_index[i];
    }
    return;
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const float value = candidates[i * stride];
    const bool wins = static_cast<bool>(static_cast<int>(value > best[i]) | static_cast<int>(value != value));
    best[i] = wins ? value : best[i];
    best_index[i] = wins ? index + static_cast<int32_t>(i) * step : best_index[i];
  }
}

void pool_plane(const Planes& planes, int64_t plane, std::vector<int32_t>& best_index) {
  const float* input = planes.input + plane * planes.in_rows * planes.in_columns;
  for (int64_t row = 0; row < planes.out_rows; ++row) {
    const int64_t offset = (plane * planes.out_rows + row) * planes.out_columns;
    float* best = planes.output + offset;
    std::fill(best, best + planes.out_columns, -std::numeric_limits<float>::infinity());
    const int64_t top = row * planes.rows.stride - planes.rows.padding;
    const auto first_inside = [](int64_t start, int64_t dilation) {
      return start >= 0 ? start : start + (-start + dilation - 1) / dilation * dilation;
    };
    // Where nothing is larger than minus infinity, the index is that of the window's first element.
    const int64_t first_row = first_inside(top, planes.rows.dilation);
    for (int64_t column = 0; column < planes.out_columns; ++column) {
      const int64_t left = column * planes.columns.stride - planes.columns.padding;
      best_index[static_cast<size_t>(column)] =
          static_cast<int32_t>(first_row * planes.in_columns + first_inside(left, planes.columns.dilation));
    }
    for (int64_t i = 0; i < planes.rows.kernel; ++i) {
      const int64_t in_row = top + i * planes.rows.dilation;
      if (in_row < 0 || in_row >= planes.in_rows) continue;
      for (int64_t j = 0; j < planes.columns.kernel; ++j) {
        const auto [first, last] = inside(planes.columns, j, planes.in_columns, planes.out_columns);
        if (first >= last) continue;
        const int64_t in_column = first * planes.columns.stride + j * planes.columns.dilation - planes.columns.padding;
        const int64_t index = in_row * planes.in_columns + in_column;
        take_larger(last - first, planes.columns.stride, input + index, static_cast<int32_t>(index), best + first,
                    best_index.data() + first);
      }
    }
    std::copy_n(best_index.data(), planes.out_columns, planes.indices + offset);
  }
}

Axis axis_of(size_t position, at::IntArrayRef kernel, at::IntArrayRef stride, at::IntArrayRef padding,
             at::IntArrayRef dilation) {
  const auto at = [&](at::IntArrayRef sizes) { return sizes.size() == 1 ? sizes[0] : sizes[position]; };
  return {at(kernel), stride.empty() ? at(kernel) : at(stride), at(padding), at(dilation)};
}

std::tuple<at::Tensor, at::Tensor> max_pool2d(const at::Tensor& self, at::IntArrayRef kernel, at::IntArrayRef stride,
                                              at::IntArrayRef padding, at::IntArrayRef dilation, bool ceil_mode) {
  // libtorch checks the arguments and says what the shapes are, without computing.
  const at::Tensor shape_only = at::empty_strided(self.sizes(), self.strides(), self.options().device(at::kMeta));
  const auto shapes = at::max_pool2d_with_indices(shape_only, kernel, stride, padding, dilation, ceil_mode);
  const at::Tensor input = self.contiguous();
  at::Tensor output = at::empty(std::get<0>(shapes).sizes(), self.options());
  at::Tensor indices = at::empty(output.sizes(), self.options().dtype(at::kLong));
  const Planes planes = {input.const_data_ptr<float>(),
                         output.mutable_data_ptr<float>(),
                         indices.mutable_data_ptr<int64_t>(),
                         input.size(-2),
                         input.size(-1),
                         output.size(-2),
                         output.size(-1),
                         axis_of(0, kernel, stride, padding, dilation),
                         axis_of(1, kernel, stride, padding, dilation)};
  const int64_t count = output.numel() == 0 ? 0 : output.numel() / (planes.out_rows * planes.out_columns);
  const int64_t grain =
      std::max<int64_t>(1, (int64_t{1} << 14) / std::max<int64_t>(1, input.numel() / std::max<int64_t>(1, count)));
  at::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    std::vector<int32_t> best_index(static_cast<size_t>(planes.out_columns));
    for (int64_t plane = begin; plane < end; ++plane) pool_plane(planes, plane, best_index);
  });
  return {output, indices};
}

TORCH_LIBRARY_FRAGMENT(equinode, m) {
  m.def(
      "max_pool2d_with_indices(Tensor self, int[] kernel_size, int[] stride, int[] padding, int[] dilation, "
      "bool ceil_mode) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(equinode, CPU, m) { m.impl("max_pool2d_with_indices", max_pool2d); }

bool suits(const torch::jit::Node* node) {
  if (node->kind() != c10::aten::max_pool2d_with_indices || node->outputs().size() != 2) return false;
  const auto type = node->input(0)->type()->cast<c10::TensorType>();
  if (type == nullptr || type->scalarType() != at::kFloat) return false;
  if (!type->device().has_value() || !type->device()->is_cpu()) return false;
  const auto sizes = type->sizes().concrete_sizes();
  const auto strides = type->strides().concrete_sizes();
  if (!sizes.has_value() || !strides.has_value() || sizes->size() < 3) return false;
  const size_t rank = sizes->size();
  // Where channels lie innermost, libtorch's own kernel is a vector loop.
  if ((*strides)[rank - 3] == 1 && (*sizes)[rank - 3] != 1) return false;
  return (*sizes)[rank - 1] * (*sizes)[rank - 2] <= std::numeric_limits<int32_t>::max();
}

}  // namespace

void use_vector_max_pool(const std::shared_ptr<torch::jit::Graph>& graph) {
  static const c10::Symbol symbol = c10::Symbol::fromQualString("equinode::max_pool2d_with_indices");
  std::vector<torch::jit::Node*> found;
  for (torch::jit::Node* node : graph->nodes()) {
    if (suits(node)) found.push_back(node);
  }
  for (torch::jit::Node* node : found) {
    torch::jit::Node* ours = graph->create(symbol, node->inputs(), 2);
    ours->insertBefore(node);
    for (size_t i = 0; i < 2; ++i) {
      ours->outputs()[i]->setType(node->outputs()[i]->type());
      node->outputs()[i]->replaceAllUsesWith(ours->outputs()[i]);
    }
    node->destroy();
  }
}

}  // namespace equinode::trace
