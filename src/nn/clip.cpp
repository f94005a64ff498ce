#include <ATen/ops/clamp.h>
#include <ATen/ops/hardtanh_backward.h>

#include "operators.h"

namespace lockstep::nn {

at::Tensor forward_clip(NodeRun& run) {
  const double low = model::number_attribute(*run.node, "a_min", 0),
               high = model::number_attribute(*run.node, "a_max", 0);
  at::Tensor output = run.may_overwrite ? at::clamp_(run.inputs[0], low, high) : at::clamp(run.inputs[0], low, high);
  if (run.trains()) run.kept = {output};
  return output;
}

// What was cut off lies at a bound now, where no gradient goes, as in torch. MXNet lets it pass for inputs that were
// exactly there.
std::vector<at::Tensor> backward_clip(NodeRun& run, const at::Tensor& gradient) {
  const double low = model::number_attribute(*run.node, "a_min", 0),
               high = model::number_attribute(*run.node, "a_max", 0);
  return {at::hardtanh_backward(gradient, run.kept[0], low, high)};
}

}  // namespace lockstep::nn
