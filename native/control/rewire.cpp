#include "native/control/rewire.h"

#include "native/trace/passes.h"

namespace equinode::control {

namespace jit = torch::jit;

std::shared_ptr<const trace::Program> rewire(const trace::Program& program, size_t inputs,
                                             const std::vector<size_t>& takes, const std::vector<Wire>& results) {
  const auto graph = std::make_shared<jit::Graph>();
  std::vector<jit::Value*> outer;
  for (size_t i = 0; i < inputs; ++i) outer.push_back(graph->addInput()->setType(c10::TensorType::get()));
  std::vector<jit::Value*> inner;
  for (size_t i = 0; i < takes.size(); ++i) {
    inner.push_back(outer[takes[i]]->setType(program.graph().inputs()[i]->type()));
  }
  const auto values = jit::insertGraph(*graph, program.graph(), inner);
  for (const Wire& wire : results) graph->registerOutput(wire.is_input ? outer[wire.index] : values[wire.index]);
  trace::optimise(graph);
  return std::make_shared<const trace::Program>(graph, program.forms());
}

}  // namespace equinode::control
