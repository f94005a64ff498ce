#include "operators.h"

#include <array>

namespace lockstep::nn {

#define OPERATOR(name, identifier, help)         \
  at::Tensor forward_##identifier(NodeRun& run); \
  std::vector<at::Tensor> backward_##identifier(NodeRun& run, const at::Tensor& gradient);
#define FUSED OPERATOR
#include "fused.def"
#include "lockstep/model/operators.def"
#undef FUSED
#undef OPERATOR

namespace {

constexpr std::array kKernels = {
#define OPERATOR(name, identifier, help) Entry<Kernel>{name, help, {forward_##identifier, backward_##identifier}},
#define FUSED OPERATOR
#include "fused.def"
#include "lockstep/model/operators.def"
#undef FUSED
#undef OPERATOR
};

}  // namespace

std::span<const Entry<Kernel>> kernels() { return kKernels; }

const Kernel& kernel_of(const model::Node& node) {
  return find_entry(kernels(), node.op, "operator", ErrorKind::kData).make;
}

void NodeRun::put(size_t parameter, const at::Tensor& gradient) {
  if (accumulate)
    parameter_gradients[parameter].add_(gradient);
  else
    parameter_gradients[parameter].copy_(gradient);
}

}  // namespace lockstep::nn
