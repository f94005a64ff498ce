#include <algorithm>
#include <array>
#include <utility>

#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sum.h>

#include "cudnn_convolution.h"
#include "operators.h"
#include "weight_gradient.h"
#include "winograd.h"

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

bool all_are(const std::vector<int64_t>& values, int64_t value) {
  return std::ranges::all_of(values, [=](int64_t one) { return one == value; });
}

/// Not where nothing is normalised by the batch: evaluation is held against other programs' digits, and a frozen
/// network gives the same bits.
bool goes_by_winograd(const NodeRun& run, const Geometry& g, const at::Tensor& input) {
  return run.mode == Mode::kTrain && !g.bias && g.groups == 1 && all_are(g.stride, 1) && all_are(g.pad, 1) &&
         all_are(g.dilation, 1) && suits_winograd(input, run.working[0]);
}

/// In float32 oneDNN is as fast where the stride is 1, and faster where channels are few.
bool sums_weight_gradient(const NodeRun& run, const Geometry& g) {
  const at::Tensor& input = run.kept[0];
  const bool pays = input.scalar_type() != at::kFloat || (!all_are(g.stride, 1) && input.size(1) >= 32);
  return pays && g.groups == 1 && all_are(g.dilation, 1) && suits_weight_gradient(input, run.working[0]);
}

#ifdef LOCKSTEP_CUDA

bool may_use_plans(const NodeRun& run, const at::Tensor& tensor) { return tensor.is_cuda() && !run.plain; }

ConvolutionGeometry pairs_of(const Geometry& g) {
  const auto pair = [](const std::vector<int64_t>& values) { return std::array{values.at(0), values.at(1)}; };
  return {.stride = pair(g.stride), .pad = pair(g.pad), .dilation = pair(g.dilation)};
}

/// Undefined where LibTorch has to do it.
at::Tensor forward_by_plan(const NodeRun& run, const Geometry& g) {
  if (!may_use_plans(run, run.inputs[0])) return {};
  at::Tensor output = cudnn_forward(run.inputs[0], run.working[0], pairs_of(g), run.trains());
  if (output.defined() && g.bias) output.add_(run.working[1].view({1, -1, 1, 1}));
  return output;
}

bool put_weight_gradient_by_plan(NodeRun& run, const ConvolutionGeometry& g, const at::Tensor& gradient) {
  const at::Tensor& place = run.parameter_gradients[0];
  const bool fits = !run.accumulate && place.scalar_type() == gradient.scalar_type();
  const at::Tensor weight = fits ? place : at::empty_like(run.working[0]);
  if (!cudnn_weight_gradient(gradient, run.kept[0], weight, g)) return false;
  if (!fits) run.put(0, weight);
  return true;
}

/// Does what it can of what is wanted (input, weight, bias) and clears that; returns d loss / d input if it did that.
at::Tensor backward_by_plans(NodeRun& run, const Geometry& geometry, const at::Tensor& gradient,
                             std::array<bool, 3>& wanted) {
  at::Tensor below;
  if (!may_use_plans(run, gradient)) return below;
  const ConvolutionGeometry g = pairs_of(geometry);
  if (wanted[0]) below = cudnn_data_gradient(gradient, run.kept[0], run.working[0], g);
  if (wanted[1]) wanted[1] = !put_weight_gradient_by_plan(run, g, gradient);
  if (std::exchange(wanted[2], false)) run.put(1, at::sum(gradient, {0, 2, 3}, false, at::kFloat));
  wanted[0] = wanted[0] && !below.defined();
  return below;
}

#endif

}  // namespace

at::Tensor forward_convolution(NodeRun& run) {
  const Geometry g = geometry_of(*run.node);
  if (run.trains()) run.kept = {run.inputs[0]};
  if (goes_by_winograd(run, g, run.inputs[0])) return winograd_forward(run.inputs[0], run.working[0]);
#ifdef LOCKSTEP_CUDA
  if (at::Tensor output = forward_by_plan(run, g); output.defined()) return output;
#endif
  const std::optional<at::Tensor> bias = g.bias ? std::optional(run.working[1]) : std::nullopt;
  return at::convolution(run.inputs[0], run.working[0], bias, g.stride, g.pad, g.dilation, false, {0, 0}, g.groups);
}

std::vector<at::Tensor> backward_convolution(NodeRun& run, const at::Tensor& gradient) {
  const Geometry g = geometry_of(*run.node);
  if (goes_by_winograd(run, g, run.kept[0])) {
    if (run.trainable[0]) run.put(0, winograd_weight_gradient(run.kept[0], gradient));
    return {run.wants_gradient[0] ? winograd_input_gradient(gradient, run.working[0]) : at::Tensor()};
  }
  std::array<bool, 3> wanted{run.wants_gradient[0], run.trainable[0], g.bias && run.trainable[1]};
  at::Tensor below;
  if (wanted[1] && sums_weight_gradient(run, g)) {
    run.put(0, weight_gradient(run.kept[0], gradient, g.stride, g.pad));
    wanted[1] = false;
  }
#ifdef LOCKSTEP_CUDA
  below = backward_by_plans(run, g, gradient, wanted);
#endif
  if (std::ranges::find(wanted, true) == wanted.end()) return {below};
  const at::OptionalIntArrayRef bias_sizes = g.bias ? at::OptionalIntArrayRef(run.working[1].sizes()) : std::nullopt;
  auto [input, weight, bias] = at::convolution_backward(gradient, run.kept[0], run.working[0], bias_sizes, g.stride,
                                                        g.pad, g.dilation, false, {0, 0}, g.groups, wanted);
  if (wanted[1]) run.put(0, weight);
  if (wanted[2]) run.put(1, bias);
  return {wanted[0] ? input : below};
}

}  // namespace lockstep::nn
