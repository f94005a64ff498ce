#include <ATen/ops/_prelu_kernel.h>
#include <ATen/ops/_prelu_kernel_backward.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/leaky_relu_backward.h>

#include "operators.h"

namespace lockstep::nn {
namespace {

double slope_of(const model::Node& node) { return model::number_attribute(node, "slope", 0.25); }

/// The slope of each channel, [1, C, 1, ...] for an input [N, C, ...].
at::Tensor slopes_of(const NodeRun& run, const at::Tensor& input) {
  std::vector<int64_t> shape(static_cast<size_t>(input.dim()), 1);
  shape[1] = input.size(1);
  return run.working[0].view(shape);
}

}  // namespace

at::Tensor forward_leaky_relu(NodeRun& run) {
  const at::Tensor& input = run.inputs[0];
  if (run.trains()) run.kept = {input};
  return run.parameters.empty() ? at::leaky_relu(input, slope_of(*run.node))
                                : at::_prelu_kernel(input, slopes_of(run, input));
}

std::vector<at::Tensor> backward_leaky_relu(NodeRun& run, const at::Tensor& gradient) {
  const at::Tensor& input = run.kept[0];
  if (run.parameters.empty()) return {at::leaky_relu_backward(gradient, input, slope_of(*run.node), false)};
  auto [below, slopes] = at::_prelu_kernel_backward(gradient, input, slopes_of(run, input));
  if (run.trainable[0]) {
    std::vector<int64_t> others;
    for (int64_t axis = 0; axis < input.dim(); ++axis)
      if (axis != 1) others.push_back(axis);
    run.put(0, slopes.sum(others, false, run.parameters[0].scalar_type()));
  }
  return {below};
}

}  // namespace lockstep::nn
