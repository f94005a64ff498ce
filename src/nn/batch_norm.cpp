#include <cmath>

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/threshold_backward.h>

#include "channel_table.h"
#include "operators.h"

// BatchNorm alone, before a relu, and before an addition and a relu. On a CPU with the passes of channel_table.h, which
// take less than half of the memory traffic of one operator after another; elsewhere with ATen's operators.
namespace lockstep::nn {
namespace {

// MXNet's `momentum` is the weight of the old value, torch's that of the new one.
double torch_momentum(const model::Node& node) { return 1.0 - model::number_attribute(node, "momentum", 0.9); }
double epsilon(const model::Node& node) { return model::number_attribute(node, "eps", 1e-3); }
bool uses_batch(const NodeRun& run) {
  return run.mode == Mode::kTrain && !model::bool_attribute(*run.node, "use_global_stats", false);
}
// One value a channel has no unbiased variance: it would make the running one NaN for ever.
bool updates_statistics(const NodeRun& run, const at::Tensor& input) {
  return uses_batch(run) && input.numel() > input.size(1);
}
bool has_own_passes(const NodeRun& run, const at::Tensor& input) {
  return is_channel_table(input) && run.parameters[0].scalar_type() == at::kFloat;
}

Channel channel(const at::Tensor& values) {
  const float* data = values.const_data_ptr<float>();
  return {data, data + values.numel()};
}
at::Tensor tensor(const Channel& values) {
  const at::Tensor copy = at::empty({static_cast<int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), copy.mutable_data_ptr<float>());
  return copy;
}

struct Moments {
  Channel mean, inverse_deviation;
};

// Where gamma is fixed its segment holds ones and is never updated.
ChannelLine line_of(const NodeRun& run, const Moments& moments, bool relu) {
  ChannelLine line{.scale = channel(run.parameters[0]), .offset = channel(run.parameters[1]), .relu = relu};
  for (size_t c = 0; c < line.scale.size(); ++c) {
    line.scale[c] *= moments.inverse_deviation[c];
    line.offset[c] -= moments.mean[c] * line.scale[c];
  }
  return line;
}

Moments running_moments(const NodeRun& run) {
  Moments moments{channel(run.statistics[0]), channel(run.statistics[1])};
  for (float& value : moments.inverse_deviation)
    value = static_cast<float>(1 / std::sqrt(static_cast<double>(value) + epsilon(*run.node)));
  return moments;
}

/// Of the batch; moves the running ones towards them.
Moments batch_moments(NodeRun& run, const at::Tensor& input) {
  const Channel shift = rough_mean(input);
  const ChannelSums sums = sum_moments(input, shift);
  const double n = static_cast<double>(input.numel()) / static_cast<double>(input.size(1));
  const double weight = updates_statistics(run, input) ? torch_momentum(*run.node) : 0;
  float* running_mean = run.statistics[0].mutable_data_ptr<float>();
  float* running_variance = run.statistics[1].mutable_data_ptr<float>();
  Moments moments{shift, shift};
  for (size_t c = 0; c < shift.size(); ++c) {
    const double distance = sums.first[c] / n, mean = static_cast<double>(shift[c]) + distance;
    const double squares = std::max(0.0, sums.second[c] - sums.first[c] * distance);
    moments.mean[c] = static_cast<float>(mean);
    moments.inverse_deviation[c] = static_cast<float>(1 / std::sqrt(squares / n + epsilon(*run.node)));
    if (weight == 0) continue;
    running_mean[c] = static_cast<float>(weight * mean + (1 - weight) * static_cast<double>(running_mean[c]));
    running_variance[c] =
        static_cast<float>(weight * squares / (n - 1) + (1 - weight) * static_cast<double>(running_variance[c]));
  }
  return moments;
}

at::Tensor forward_own(NodeRun& run, const at::Tensor& addend, bool relu) {
  const at::Tensor& input = run.inputs[0];
  const Moments moments = uses_batch(run) ? batch_moments(run, input) : running_moments(run);
  if (run.trains()) run.kept = {input, tensor(moments.mean), tensor(moments.inverse_deviation)};
  return apply_line(input, line_of(run, moments, relu), addend);
}

at::Tensor forward_aten(NodeRun& run) {
  const at::Tensor& input = run.inputs[0];  // [N, C, H, W]
  const auto statistic = [&](size_t k) {
    return updates_statistics(run, input) || !uses_batch(run) ? std::optional(run.statistics[k]) : std::nullopt;
  };
  auto [output, mean, inverse_deviation] =
      at::native_batch_norm(input, run.parameters[0], run.parameters[1], statistic(0), statistic(1), uses_batch(run),
                            torch_momentum(*run.node), epsilon(*run.node));
  if (run.trains()) run.kept = {input, mean, inverse_deviation};
  return output;
}

/// gamma's and beta's gradient, and how d loss / d input follows from d loss / d output.
GradientLine gradient_line(NodeRun& run, const ChannelSums& sums, const ChannelLine& line, const Moments& moments,
                           double n) {
  const size_t channels = line.scale.size();
  Channel gamma(channels), beta(channels);
  GradientLine to{.scale = line.scale, .slope = Channel(channels), .offset = Channel(channels)};
  for (size_t c = 0; c < channels; ++c) {
    const auto inverse = static_cast<double>(moments.inverse_deviation[c]), scale = static_cast<double>(line.scale[c]);
    gamma[c] = static_cast<float>(sums.second[c] * inverse);
    beta[c] = static_cast<float>(sums.first[c]);
    if (!uses_batch(run)) continue;
    to.slope[c] = static_cast<float>(-scale * inverse * inverse * sums.second[c] / n);
    to.offset[c] = static_cast<float>(-scale * sums.first[c] / n);
  }
  if (run.trainable[0]) run.put(0, tensor(gamma));
  if (run.trainable[1]) run.put(1, tensor(beta));
  return to;
}

at::Tensor backward_own(NodeRun& run, const at::Tensor& gradient, bool relu) {
  const at::Tensor& input = run.kept[0];
  const Moments moments{channel(run.kept[1]), channel(run.kept[2])};
  const ChannelLine line = line_of(run, moments, relu);
  const ChannelSums sums = sum_gradient(gradient, input, line, moments.mean);
  const double n = static_cast<double>(input.numel()) / static_cast<double>(input.size(1));
  const GradientLine to = gradient_line(run, sums, line, moments, n);
  return run.wants_gradient[0] ? apply_gradient(gradient, input, line, moments.mean, to) : at::Tensor();
}

at::Tensor backward_aten(NodeRun& run, const at::Tensor& gradient) {
  auto [input, gamma, beta] = at::native_batch_norm_backward(
      gradient, run.kept[0], run.parameters[0], run.statistics[0], run.statistics[1], run.kept[1], run.kept[2],
      uses_batch(run), epsilon(*run.node), {run.wants_gradient[0], run.trainable[0], run.trainable[1]});
  if (run.trainable[0]) run.put(0, gamma);
  if (run.trainable[1]) run.put(1, beta);
  return input;
}

}  // namespace

at::Tensor forward_batch_norm(NodeRun& run) {
  return has_own_passes(run, run.inputs[0]) ? forward_own(run, {}, false) : forward_aten(run);
}

std::vector<at::Tensor> backward_batch_norm(NodeRun& run, const at::Tensor& gradient) {
  return {has_own_passes(run, run.kept[0]) ? backward_own(run, gradient, false) : backward_aten(run, gradient)};
}

at::Tensor forward_batch_norm_relu(NodeRun& run) {
  if (has_own_passes(run, run.inputs[0])) return forward_own(run, {}, true);
  at::Tensor output = forward_aten(run).relu_();
  if (run.trains()) run.kept.push_back(output);
  return output;
}

std::vector<at::Tensor> backward_batch_norm_relu(NodeRun& run, const at::Tensor& gradient) {
  if (has_own_passes(run, run.kept[0])) return {backward_own(run, gradient, true)};
  return {backward_aten(run, at::threshold_backward(gradient, run.kept[3], 0))};
}

// Where the sum was cut off is seen in the output alone, which the next operator keeps as well.
at::Tensor forward_batch_norm_add_relu(NodeRun& run) {
  at::Tensor output = has_own_passes(run, run.inputs[0]) ? forward_own(run, run.inputs[1], true)
                                                         : forward_aten(run).add_(run.inputs[1]).relu_();
  if (run.trains()) run.kept.push_back(output);
  return output;
}

std::vector<at::Tensor> backward_batch_norm_add_relu(NodeRun& run, const at::Tensor& gradient) {
  const at::Tensor passed = at::threshold_backward(gradient, run.kept[3], 0);
  return {has_own_passes(run, run.kept[0]) ? backward_own(run, passed, false) : backward_aten(run, passed), passed};
}

}  // namespace lockstep::nn
