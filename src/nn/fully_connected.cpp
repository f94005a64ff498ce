#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>

#include "operators.h"

namespace lockstep::nn {

at::Tensor forward_fully_connected(NodeRun& run) {
  const at::Tensor input = run.inputs[0].flatten(1);  // [N, in], in NCHW order
  if (run.trains()) run.kept = {input, run.inputs[0]};
  const at::Tensor weight = run.working[0].t();  // [in, out]
  return run.parameters.size() > 1 ? at::addmm(run.working[1], input, weight) : at::mm(input, weight);
}

std::vector<at::Tensor> backward_fully_connected(NodeRun& run, const at::Tensor& gradient) {
  if (run.trainable[0]) run.put(0, at::mm(gradient.t(), run.kept[0]));
  if (run.parameters.size() > 1 && run.trainable[1])
    run.put(1, at::sum(gradient, 0, false, run.parameters[1].scalar_type()));
  if (!run.wants_gradient[0]) return {at::Tensor()};
  return {at::mm(gradient, run.working[0]).view(run.kept[1].sizes())};
}

}  // namespace lockstep::nn
