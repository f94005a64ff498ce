#include <ATen/ops/_adaptive_avg_pool2d.h>
#include <ATen/ops/_adaptive_avg_pool2d_backward.h>

#include "operators.h"

namespace lockstep::nn {

at::Tensor forward_adaptive_pooling(NodeRun& run) {
  const at::Tensor& input = run.inputs[0];  // [N, C, H, W]
  if (run.trains()) run.kept = {input};
  std::vector<int64_t> size = model::tuple_attribute(*run.node, "output_size", {1});
  if (size.empty()) size = {1};
  return at::_adaptive_avg_pool2d(input, {size.front(), size.back()}).contiguous(input.suggest_memory_format());
}

std::vector<at::Tensor> backward_adaptive_pooling(NodeRun& run, const at::Tensor& gradient) {
  const at::Tensor& input = run.kept[0];
  return {at::_adaptive_avg_pool2d_backward(gradient, input).contiguous(input.suggest_memory_format())};
}

}  // namespace lockstep::nn
