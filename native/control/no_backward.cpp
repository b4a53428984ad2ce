#include "native/control/no_backward.h"

#include <utility>

#include "native/base/carried.h"
#include "native/base/error.h"

namespace equinode::control {

namespace {

class NoBackward : public ControlForm {
 public:
  explicit NoBackward(std::string reason) : reason_(std::move(reason)) {}

  const char* name() const override { return "whileLoop"; }
  bool needs_host() const override { return false; }
  std::vector<at::Tensor> sketch(const std::vector<at::Tensor>&) const override { refuse(); }
  std::vector<at::Tensor> run(const std::vector<at::Tensor>&) const override { refuse(); }
  std::optional<std::vector<torch::jit::Value*>> expand(torch::jit::Graph&,
                                                        const std::vector<torch::jit::Value*>&) const override {
    return std::nullopt;
  }
  Batched batched(std::vector<at::Tensor>, std::vector<bool>, const transform::NamedAxis&) const override { refuse(); }
  Vjp vjp(const std::vector<at::Tensor>&, const std::vector<bool>&, bool) const override { refuse(); }
  Jvp jvp(const std::vector<at::Tensor>&, const std::vector<bool>&) const override { refuse(); }

 private:
  [[noreturn]] void refuse() const { throw_carried(Error(kTransform, name(), reason_)); }

  std::string reason_;
};

}  // namespace

Vjp without_backward(FormPointer form, std::vector<bool> active, std::string reason) {
  Vjp vjp;
  vjp.forward = std::move(form);
  vjp.results = active.size();
  vjp.active = std::move(active);
  vjp.backward = std::make_shared<const NoBackward>(std::move(reason));
  for (size_t i = 0, next = 0; i < vjp.results; ++i) {
    if (vjp.active[i]) vjp.sources.push_back({Source::Kind::kCotangent, next++});
  }
  return vjp;
}

}  // namespace equinode::control
