#include "operators.h"

namespace lockstep::nn {

at::Tensor forward_cast(NodeRun& run) { return run.inputs[0]; }

std::vector<at::Tensor> backward_cast(NodeRun&, const at::Tensor& gradient) { return {gradient}; }

}  // namespace lockstep::nn
