#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>

#include "operators.h"

namespace lockstep::nn {
namespace {

struct Geometry {
  std::vector<int64_t> stride, pad, dilation;
  int64_t groups;
  bool bias;
};

Geometry geometry_of(const model::Node& node) {
  return {.stride = model::tuple_attribute(node, "stride", {1, 1}),
          .pad = model::tuple_attribute(node, "pad", {0, 0}),
          .dilation = model::tuple_attribute(node, "dilate", {1, 1}),
          .groups = model::int_attribute(node, "num_group", 1),
          .bias = !model::bool_attribute(node, "no_bias", false)};
}

}  // namespace

at::Tensor forward_convolution(NodeRun& run) {
  const Geometry g = geometry_of(*run.node);
  if (run.trains()) run.kept = {run.inputs[0]};
  const std::optional<at::Tensor> bias = g.bias ? std::optional(run.working[1]) : std::nullopt;
  return at::convolution(run.inputs[0], run.working[0], bias, g.stride, g.pad, g.dilation, false, {0, 0}, g.groups);
}

std::vector<at::Tensor> backward_convolution(NodeRun& run, const at::Tensor& gradient) {
  const Geometry g = geometry_of(*run.node);
  const bool wants_bias = g.bias && run.trainable[1];
  const at::OptionalIntArrayRef bias_sizes = g.bias ? at::OptionalIntArrayRef(run.working[1].sizes()) : std::nullopt;
  auto [input, weight, bias] =
      at::convolution_backward(gradient, run.kept[0], run.working[0], bias_sizes, g.stride, g.pad, g.dilation, false,
                               {0, 0}, g.groups, {run.wants_gradient[0], run.trainable[0], wants_bias});
  if (run.trainable[0]) run.put(0, weight);
  if (wants_bias) run.put(1, bias);
  return {input};
}

}  // namespace lockstep::nn
