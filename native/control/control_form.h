#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "native/trace/form.h"
#include "native/transform/level.h"

namespace equinode::control {

class ControlForm;
using FormPointer = std::shared_ptr<const ControlForm>;

// A form for a batch. The inputs are those of the batched form; an axis says where a result has the batch, -1 that the
// result is the same for all.
struct Batched {
  FormPointer form;
  std::vector<at::Tensor> inputs;
  std::vector<int64_t> axes;
};

// Where an input of a derived form comes from.
struct Source {
  enum class Kind { kInput, kSaved, kCotangent, kZeros, kTangent };
  Kind kind;
  // The number of the input; of the saved value; of the cotangent among those of active results; of the input whose
  // shape the zeros have; of the input whose tangent it is.
  size_t index;
};

// A form and what computes the gradients of its inputs.
struct Vjp {
  // Takes the same inputs; its results are followed by what is saved for `backward`.
  FormPointer forward;
  size_t results;
  // Through which results of `forward` gradients flow. Their cotangents are numbered in this order.
  std::vector<bool> active;
  FormPointer backward;
  std::vector<Source> sources;
  // For each result of `backward` the input whose gradient it is, or -1.
  std::vector<int64_t> gradients;
};

// A form that computes results and tangents together.
struct Jvp {
  FormPointer form;
  std::vector<Source> sources;
  // For each result of the original form: where it is among those of `form`, and where its tangent is, or -1.
  std::vector<size_t> primals;
  std::vector<int64_t> tangents;
};

// What transforms make of a form. See NOTE [control flow] in native/trace/form.h.
class ControlForm : public trace::Form {
 public:
  // The name of the function that the user called, for messages.
  virtual const char* name() const = 0;

  // `values` have the batch, the axis of a vmap, as their first axis where the mask says so.
  virtual Batched batched(std::vector<at::Tensor> values, std::vector<bool> mask,
                          const transform::NamedAxis& axis) const = 0;

  // With respect to the inputs in `by`. `again` says that the backward pass may itself be differentiated.
  virtual Vjp vjp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& by, bool again) const = 0;

  // With tangents for the inputs in `with`.
  virtual Jvp jvp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& with) const = 0;
};

// Runs a form through the dispatcher.
std::vector<at::Tensor> call_form(const ControlForm& form, const std::vector<at::Tensor>& inputs);

}  // namespace equinode::control
