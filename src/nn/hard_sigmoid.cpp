#include <ATen/ops/clamp.h>
#include <ATen/ops/hardtanh_backward.h>
#include <ATen/ops/mul.h>

#include "operators.h"

namespace lockstep::nn {
namespace {

double slope_of(const NodeRun& run) { return model::number_attribute(*run.node, "alpha", 0.2); }

}  // namespace

at::Tensor forward_hard_sigmoid(NodeRun& run) {
  const double beta = model::number_attribute(*run.node, "beta", 0.5);
  at::Tensor output = at::mul(run.inputs[0], slope_of(run)).add_(beta).clamp_(0, 1);
  if (run.trains()) run.kept = {output};
  return output;
}

std::vector<at::Tensor> backward_hard_sigmoid(NodeRun& run, const at::Tensor& gradient) {
  return {at::hardtanh_backward(gradient, run.kept[0], 0, 1).mul_(slope_of(run))};
}

}  // namespace lockstep::nn
