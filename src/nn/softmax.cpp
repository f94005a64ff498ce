#include <ATen/ops/_softmax.h>
#include <ATen/ops/_softmax_backward_data.h>

#include "operators.h"

namespace lockstep::nn {

at::Tensor forward_softmax(NodeRun& run) {
  at::Tensor output = at::_softmax(run.inputs[0], 1, false);  // [N, classes]
  if (run.trains()) run.kept = {output};
  return output;
}

std::vector<at::Tensor> backward_softmax(NodeRun& run, const at::Tensor& gradient) {
  return {at::_softmax_backward_data(gradient, run.kept[0], 1, gradient.scalar_type())};
}

}  // namespace lockstep::nn
