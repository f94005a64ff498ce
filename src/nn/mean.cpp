#include <ATen/ops/div.h>
#include <ATen/ops/mean.h>

#include "operators.h"

namespace lockstep::nn {

at::Tensor forward_mean(NodeRun& run) {
  const at::Tensor& input = run.inputs[0];  // [N, C, H, W]
  if (run.trains()) run.kept = {input};
  return at::mean(input, at::IntArrayRef({2, 3}), model::bool_attribute(*run.node, "keepdims", false));
}

std::vector<at::Tensor> backward_mean(NodeRun& run, const at::Tensor& gradient) {
  const at::Tensor& input = run.kept[0];
  const at::Tensor share = at::div(gradient, static_cast<double>(input.size(2) * input.size(3)));
  return {
      share.view({input.size(0), input.size(1), 1, 1}).expand(input.sizes()).contiguous(input.suggest_memory_format())};
}

}  // namespace lockstep::nn
