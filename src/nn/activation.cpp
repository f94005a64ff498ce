#include <ATen/ops/relu.h>
#include <ATen/ops/threshold_backward.h>

#include "lockstep/core/error.h"
#include "operators.h"

namespace lockstep::nn {

at::Tensor forward_activation(NodeRun& run) {
  const std::string kind = model::text_attribute(*run.node, "act_type", "");
  require(kind == "relu", ErrorKind::kData, "node ", run.node->name, ": the activation \"", kind,
          "\" is not supported; there is: relu");
  at::Tensor output = run.may_overwrite ? at::relu_(run.inputs[0]) : at::relu(run.inputs[0]);
  if (run.trains()) run.kept = {output};
  return output;
}

std::vector<at::Tensor> backward_activation(NodeRun& run, const at::Tensor& gradient) {
  return {at::threshold_backward(gradient, run.kept[0], 0)};
}

}  // namespace lockstep::nn
