#include "native/control/scan.h"

#include <ATen/ATen.h>

#include "native/control/graph_parts.h"
#include "native/control/partition.h"
#include "native/control/rewire.h"

namespace equinode::control {

namespace jit = torch::jit;

Scan::Scan(ProgramPointer body, size_t carries, size_t sliced, int64_t length, bool reverse)
    : body_(std::move(body)), carries_(carries), sliced_(sliced), length_(length), reverse_(reverse) {}

std::vector<at::Tensor> Scan::step_examples(const std::vector<at::Tensor>& inputs) const {
  std::vector<at::Tensor> step;
  for (size_t i = 0; i < inputs.size(); ++i) {
    step.push_back(is_sliced(i) ? example_slice(inputs[i]) : example_of(inputs[i]));
  }
  return step;
}

std::vector<at::Tensor> Scan::sketch(const std::vector<at::Tensor>& inputs) const {
  std::vector<at::Tensor> results = body_->run_below(step_examples(inputs));
  for (size_t i = 0; i < results.size(); ++i) {
    at::Tensor result = results[i];
    if (!is_carry(i)) {
      std::vector<int64_t> sizes = result.sizes().vec();
      sizes.insert(sizes.begin(), length_);
      result = result.unsqueeze(0).expand(sizes);
    }
    results[i] = result.clone(at::MemoryFormat::Contiguous);
  }
  return results;
}

std::optional<std::vector<jit::Value*>> Scan::expand(jit::Graph& graph, const std::vector<jit::Value*>& given) const {
  const std::vector<jit::Value*> inputs = contiguous(graph, given);
  std::vector<jit::Value*> results(inputs.begin(), inputs.begin() + static_cast<int64_t>(carries_));
  std::vector<c10::TensorTypePtr> stacked_types;
  std::vector<jit::Value*> lists;
  for (size_t i = carries_; i < this->results(); ++i) {
    const Seen slice = seen(body_->graph().outputs()[i]);
    std::vector<int64_t> sizes = slice.sizes;
    sizes.insert(sizes.begin(), length_);
    stacked_types.push_back(c10::TensorType::createContiguous(slice.dtype, slice.device, sizes));
    if (length_ == 0) {
      const at::Tensor empty = at::zeros(sizes, at::TensorOptions(slice.device).dtype(slice.dtype));
      results.push_back(graph.insert(c10::aten::alias, {graph.insertConstant(empty)})->setType(stacked_types.back()));
    } else {
      lists.push_back(graph.insertNode(graph.createList(c10::TensorType::get(), {}))->output());
    }
  }
  if (length_ == 0) return results;

  jit::Value* yes = graph.insertConstant(true);
  jit::Value* trips = graph.insertConstant(length_);
  jit::Node* loop = graph.insertNode(graph.create(c10::prim::Loop, {trips, yes}, 0));
  jit::Block* block = loop->addBlock();
  jit::Value* step = block->addInput()->setType(c10::IntType::get());
  std::vector<jit::Value*> body;
  for (size_t i = 0; i < carries_; ++i) {
    loop->addInput(inputs[i]);
    body.push_back(block_input(block, body_->graph().inputs()[i]));
    loop->addOutput()->setType(body.back()->type());
  }
  {
    const jit::WithInsertPoint inside(block);
    if (reverse_ && sliced_ > 0) step = graph.insert(c10::aten::sub, {graph.insertConstant(length_ - 1), step});
    for (size_t i = carries_; i < inputs.size(); ++i) {
      jit::Value* value = inputs[i];
      if (is_sliced(i)) value = graph.insert(c10::aten::select, {value, 0, step});
      body.push_back(is_sliced(i) ? value->setType(body_->graph().inputs()[i]->type()) : value);
    }
    const auto outputs = jit::insertGraph(graph, body_->graph(), body);
    for (size_t i = carries_; i < outputs.size(); ++i) {
      graph.insert(c10::aten::append, {lists[i - carries_], outputs[i]});
    }
    block->registerOutput(yes);
    for (size_t i = 0; i < carries_; ++i) block->registerOutput(outputs[i]);
  }
  for (size_t i = 0; i < carries_; ++i) results[i] = loop->output(i);
  for (size_t i = 0; i < lists.size(); ++i) {
    jit::Value* list = lists[i];
    jit::Value* stacked = graph.insert(c10::aten::stack, {list, 0})->setType(stacked_types[i]);
    results.push_back(reverse_
                          ? graph.insert(c10::aten::flip, {stacked, std::vector<int64_t>{0}})->setType(stacked_types[i])
                          : stacked);
  }
  return results;
}

Batched Scan::batched(std::vector<at::Tensor> values, std::vector<bool> mask, const transform::NamedAxis& axis) const {
  for (size_t i = 0; i < values.size(); ++i) {
    if (is_sliced(i) && mask[i]) values[i] = values[i].movedim(0, 1);
  }
  while (true) {
    std::vector<bool> forced(mask.begin(), mask.begin() + static_cast<int64_t>(carries_));
    const BatchedProgram body = batch_program(*body_, step_examples(values), mask, axis, forced);
    bool is_stable = true;
    for (size_t i = 0; i < carries_; ++i) {
      if (!body.batched[i] || mask[i]) continue;
      std::vector<int64_t> sizes = values[i].sizes().vec();
      sizes.insert(sizes.begin(), axis.size);
      values[i] = values[i].unsqueeze(0).expand(sizes);
      mask[i] = true;
      is_stable = false;
    }
    if (!is_stable) continue;
    Batched batched;
    batched.form = std::make_shared<const Scan>(body.program, carries_, sliced_, length_, reverse_);
    batched.inputs = std::move(values);
    for (size_t i = 0; i < results(); ++i) {
      batched.axes.push_back(!body.batched[i] ? -1 : is_carry(i) ? 0 : 1);
    }
    return batched;
  }
}

Vjp Scan::vjp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& given, bool again) const {
  const std::vector<at::Tensor> examples = step_examples(inputs);
  ProgramPointer body = body_;
  if (again) {
    // The backward pass starts every step from the carries that it had, which are results like any other.
    std::vector<size_t> takes;
    std::vector<Wire> wires;
    for (size_t i = 0; i < inputs.size(); ++i) takes.push_back(i);
    for (size_t i = 0; i < results(); ++i) wires.push_back({false, i});
    for (size_t i = 0; i < carries_; ++i) wires.push_back({true, i});
    body = rewire(*body_, inputs.size(), takes, wires);
  }
  const size_t outputs = body->graph().outputs().size();

  // Carries that depend on a carry that is differentiated are so too.
  std::vector<bool> by = given;
  std::vector<bool> accumulate;
  VjpProgram derivative;
  while (true) {
    accumulate.assign(inputs.size(), false);
    for (size_t i = carries_ + sliced_; i < inputs.size(); ++i) accumulate[i] = by[i];
    derivative = vjp_program(*body, examples, by, accumulate);
    bool is_stable = true;
    for (size_t i = 0; i < carries_; ++i) {
      if (!derivative.active[i] || by[i]) continue;
      by[i] = true;
      is_stable = false;
    }
    if (is_stable) break;
  }

  Vjp vjp;
  vjp.results = results();
  vjp.active = derivative.active;
  ProgramPointer late = derivative.joint;
  std::vector<size_t> kept;
  size_t saved = 0;
  size_t first_gradient = outputs;
  if (again) {
    for (size_t i = carries_; i < inputs.size(); ++i) kept.push_back(i);
    saved = carries_;
    vjp.forward = std::make_shared<const Scan>(primal_part(*body, derivative), carries_, sliced_, length_, reverse_);
  } else {
    std::vector<bool> keepable;
    std::vector<bool> invariant;
    for (size_t i = 0; i < inputs.size(); ++i) {
      keepable.push_back(!is_carry(i));
      invariant.push_back(!is_carry(i) && !is_sliced(i));
    }
    const Partition parts = partition(*derivative.joint, inputs.size(), outputs, keepable, invariant);
    vjp.forward = std::make_shared<const Scan>(parts.early, carries_, sliced_, length_, reverse_);
    late = parts.late;
    kept = parts.kept;
    saved = parts.saved;
    first_gradient = 0;
    vjp.active.resize(outputs + saved, false);
  }

  // Places among the inputs of the backward body: carries (cotangents, sums of gradients), slices, what stays.
  std::vector<size_t> place_of_kept(inputs.size(), 0);
  std::vector<size_t> place_of_saved(saved, 0);
  std::vector<size_t> place_of_cotangent(outputs, 0);
  std::vector<size_t> place_of_sum(inputs.size(), 0);
  std::vector<size_t> cotangent_number(outputs, 0);
  for (size_t i = 0, next = 0; i < outputs; ++i) {
    if (derivative.active[i]) cotangent_number[i] = next++;
  }
  size_t place = 0;
  const auto add = [&](Source::Kind kind, size_t index) {
    vjp.sources.push_back({kind, index});
    return place++;
  };
  for (size_t i = 0; i < carries_; ++i) {
    if (!by[i]) continue;
    place_of_cotangent[i] =
        derivative.active[i] ? add(Source::Kind::kCotangent, cotangent_number[i]) : add(Source::Kind::kZeros, i);
  }
  for (size_t i = carries_ + sliced_; i < inputs.size(); ++i) {
    if (by[i]) place_of_sum[i] = add(Source::Kind::kZeros, i);
  }
  const size_t backward_carries = place;
  for (const size_t i : kept) {
    if (is_sliced(i)) place_of_kept[i] = add(Source::Kind::kInput, i);
  }
  for (size_t j = 0; j < saved; ++j) place_of_saved[j] = add(Source::Kind::kSaved, j);
  for (size_t i = carries_; i < outputs; ++i) {
    if (derivative.active[i]) place_of_cotangent[i] = add(Source::Kind::kCotangent, cotangent_number[i]);
  }
  const size_t backward_sliced = place - backward_carries;
  for (const size_t i : kept) {
    if (!is_sliced(i)) place_of_kept[i] = add(Source::Kind::kInput, i);
  }

  std::vector<size_t> takes;
  if (again) {
    for (size_t i = 0; i < inputs.size(); ++i) takes.push_back(is_carry(i) ? place_of_saved[i] : place_of_kept[i]);
  } else {
    for (const size_t i : kept) takes.push_back(place_of_kept[i]);
    for (size_t j = 0; j < saved; ++j) takes.push_back(place_of_saved[j]);
  }
  for (size_t i = 0; i < outputs; ++i) {
    if (derivative.active[i]) takes.push_back(place_of_cotangent[i]);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (accumulate[i]) takes.push_back(place_of_sum[i]);
  }

  // Results of the backward body: carries first.
  std::vector<Wire> wires;
  std::vector<size_t> gradient(inputs.size(), 0);
  for (size_t i = 0, next = first_gradient; i < inputs.size(); ++i) {
    if (by[i]) gradient[i] = next++;
  }
  const auto give = [&](size_t i) {
    wires.push_back({false, gradient[i]});
    vjp.gradients.push_back(given[i] ? static_cast<int64_t>(i) : -1);
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (by[i] && !is_sliced(i)) give(i);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (by[i] && is_sliced(i)) give(i);
  }
  vjp.backward = std::make_shared<const Scan>(rewire(*late, place, takes, wires), backward_carries, backward_sliced,
                                              length_, !reverse_);
  return vjp;
}

Jvp Scan::jvp(const std::vector<at::Tensor>& inputs, const std::vector<bool>& given) const {
  const std::vector<at::Tensor> examples = step_examples(inputs);
  std::vector<bool> with = given;
  JvpProgram derivative;
  for (bool is_stable = false; !is_stable;) {
    const std::vector<bool> forced(with.begin(), with.begin() + static_cast<int64_t>(carries_));
    derivative = jvp_program(*body_, examples, with, forced);
    is_stable = true;
    for (size_t i = 0; i < carries_; ++i) {
      if (!derivative.active[i] || with[i]) continue;
      with[i] = true;
      is_stable = false;
    }
  }
  // Carries, slices and what stays, each followed by its tangents.
  Jvp jvp;
  std::vector<size_t> place(inputs.size(), 0);
  std::vector<size_t> place_of_tangent(inputs.size(), 0);
  const auto add = [&](size_t from, size_t to) {
    const size_t first = jvp.sources.size();
    for (size_t i = from; i < to; ++i) {
      place[i] = jvp.sources.size();
      jvp.sources.push_back({Source::Kind::kInput, i});
    }
    for (size_t i = from; i < to; ++i) {
      if (!with[i]) continue;
      place_of_tangent[i] = jvp.sources.size();
      jvp.sources.push_back({given[i] ? Source::Kind::kTangent : Source::Kind::kZeros, i});
    }
    return jvp.sources.size() - first;
  };
  const size_t carries = add(0, carries_);
  const size_t sliced = add(carries_, carries_ + sliced_);
  add(carries_ + sliced_, inputs.size());
  std::vector<size_t> takes = place;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (with[i]) takes.push_back(place_of_tangent[i]);
  }
  std::vector<Wire> wires;
  std::vector<size_t> tangent_result(results(), 0);
  for (size_t i = 0, next = results(); i < results(); ++i) {
    if (derivative.active[i]) tangent_result[i] = next++;
  }
  jvp.tangents.assign(results(), -1);
  const auto give = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      jvp.primals.push_back(wires.size());
      wires.push_back({false, i});
    }
    for (size_t i = from; i < to; ++i) {
      if (!derivative.active[i]) continue;
      jvp.tangents[i] = static_cast<int64_t>(wires.size());
      wires.push_back({false, tangent_result[i]});
    }
  };
  give(0, carries_);
  give(carries_, results());
  jvp.form = std::make_shared<const Scan>(rewire(*derivative.program, jvp.sources.size(), takes, wires), carries,
                                          sliced, length_, reverse_);
  return jvp;
}

}  // namespace equinode::control
