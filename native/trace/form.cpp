#include "native/trace/form.h"

#include <ATen/ATen.h>

#include <atomic>
#include <unordered_map>

#include "native/base/error.h"
#include "native/trace/program.h"

namespace equinode::trace {

namespace jit = torch::jit;

namespace {

std::mutex forms_mutex;

// Never destroyed, since forms may outlive the statics of this file.
std::unordered_map<int64_t, const Form*>& forms() {
  static auto* const map = new std::unordered_map<int64_t, const Form*>();
  return *map;
}

std::atomic<int64_t> next_id{1};

}  // namespace

Form::Form() : id_(next_id.fetch_add(1)) {
  const std::lock_guard<std::mutex> lock(forms_mutex);
  forms()[id_] = this;
}

Form::~Form() {
  const std::lock_guard<std::mutex> lock(forms_mutex);
  forms().erase(id_);
}

std::shared_ptr<const Form> form_of(int64_t id) {
  std::shared_ptr<const Form> form;
  {
    const std::lock_guard<std::mutex> lock(forms_mutex);
    const auto found = forms().find(id);
    if (found != forms().end()) form = found->second->weak_from_this().lock();
  }
  require(form != nullptr, kTransform, "expected a piece of control flow that is alive, got the number ", id);
  return form;
}

c10::Symbol control_symbol() {
  static const c10::Symbol symbol = c10::Symbol::fromQualString("equinode::control");
  return symbol;
}

std::vector<jit::Value*> insert_control(jit::Graph& graph, const Form& form, const std::vector<jit::Value*>& inputs,
                                        size_t outputs) {
  jit::Value* list = graph.insertNode(graph.createList(c10::TensorType::get(), inputs))->output();
  jit::Node* node = graph.insertNode(graph.create(control_symbol(), {list, graph.insertConstant(form.id())}, 1));
  node->output()->setType(c10::ListType::ofTensors());
  return graph.insertNode(graph.createListUnpack(node->output(), outputs))->outputs().vec();
}

std::vector<at::Tensor> Form::run(const std::vector<at::Tensor>& inputs) const {
  std::call_once(once_, [this, &inputs] {
    const auto graph = std::make_shared<jit::Graph>();
    std::vector<jit::Value*> values;
    for (const at::Tensor& input : inputs) {
      jit::Value* value = graph->addInput();
      value->setType(c10::TensorType::create(input.is_contiguous() ? input : input.contiguous()));
      values.push_back(value);
    }
    const auto outputs = expand(*graph, values);
    require(outputs.has_value(), kTransform, "expected control flow with nodes of its own");
    for (jit::Value* output : *outputs) graph->registerOutput(output);
    alone_ = std::make_shared<const Program>(graph, std::vector<std::shared_ptr<const Form>>{});
  });
  return alone_->run_below(inputs);
}

}  // namespace equinode::trace
