#include "operators.h"

namespace lockstep::nn {

at::Tensor forward_flatten(NodeRun& run) {
  if (run.trains()) run.kept = {run.inputs[0]};
  return run.inputs[0].contiguous().flatten(1);  // MXNet's order is that of NCHW
}

std::vector<at::Tensor> backward_flatten(NodeRun& run, const at::Tensor& gradient) {
  return {gradient.view(run.kept[0].sizes()).contiguous(run.kept[0].suggest_memory_format())};
}

}  // namespace lockstep::nn
