#include "batch_norm.h"

#include <cmath>

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/threshold_backward.h>

#include "channel_table.h"
#include "cudnn_batch_norm.h"

// BatchNorm alone, before a relu, and before an addition and a relu. On a CPU with the passes of channel_table.h, which
// take less than half of the memory traffic of one operator after another; on a GPU with cuDNN's kernels, which do the
// same; elsewhere with ATen's operators.
namespace lockstep::nn {

std::optional<BatchNormOperation> batch_norm_operation(const model::Node& node) {
  if (node.op == "BatchNorm") return BatchNormOperation::kNorm;
  if (node.op == "BatchNorm+relu") return BatchNormOperation::kNormRelu;
  if (node.op == "BatchNorm+add+relu") return BatchNormOperation::kNormAddRelu;
  return {};
}

double new_weight(const model::Node& node) { return 1.0 - model::number_attribute(node, "momentum", 0.9); }
double epsilon(const model::Node& node) { return model::number_attribute(node, "eps", 1e-3); }
bool uses_batch(const NodeRun& run) {
  return run.mode == Mode::kTrain && !model::bool_attribute(*run.node, "use_global_stats", false);
}
// One value a channel has no unbiased variance: it would make the running one NaN for ever.
bool updates_statistics(const NodeRun& run, const at::Tensor& input) {
  return uses_batch(run) && input.numel() > input.size(1);
}

namespace {

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
  const double weight = updates_statistics(run, input) ? new_weight(*run.node) : 0;
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

// Behind an addition it is seen in the output alone where the sum was cut off; the next operator keeps that as well.
at::Tensor forward_own(NodeRun& run, BatchNormOperation operation) {
  const bool relu = operation != BatchNormOperation::kNorm, adds = operation == BatchNormOperation::kNormAddRelu;
  const at::Tensor& input = run.inputs[0];
  const Moments moments = uses_batch(run) ? batch_moments(run, input) : running_moments(run);
  at::Tensor output = apply_line(input, line_of(run, moments, relu), adds ? run.inputs[1] : at::Tensor());
  if (run.trains()) run.kept = {input, tensor(moments.mean), tensor(moments.inverse_deviation)};
  if (run.trains() && adds) run.kept.push_back(output);
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

/// The gradient where the output was not cut off; in its own memory where nobody else holds it.
at::Tensor pass_gradient(const at::Tensor& gradient, const at::Tensor& output) {
  if (gradient.use_count() > 1 || gradient.storage().use_count() > 1)
    return at::threshold_backward(gradient, output, 0);
  at::Tensor passed = gradient;
  at::threshold_backward_out(passed, gradient, output, 0);
  return passed;
}

std::vector<at::Tensor> backward_own(NodeRun& run, BatchNormOperation operation, const at::Tensor& gradient) {
  const bool adds = operation == BatchNormOperation::kNormAddRelu;
  const at::Tensor passed = adds ? pass_gradient(gradient, run.kept[3]) : gradient;
  const at::Tensor& input = run.kept[0];
  const Moments moments{channel(run.kept[1]), channel(run.kept[2])};
  const ChannelLine line = line_of(run, moments, operation == BatchNormOperation::kNormRelu);
  const ChannelSums sums = sum_gradient(passed, input, line, moments.mean);
  const double n = static_cast<double>(input.numel()) / static_cast<double>(input.size(1));
  const GradientLine to = gradient_line(run, sums, line, moments, n);
  std::vector<at::Tensor> below;
  below.push_back(run.wants_gradient[0] ? apply_gradient(passed, input, line, moments.mean, to) : at::Tensor());
  if (adds) below.push_back(passed);
  return below;
}

at::Tensor forward(NodeRun& run, BatchNormOperation operation) {
  if (has_own_passes(run, run.inputs[0])) return forward_own(run, operation);
#ifdef LOCKSTEP_CUDA
  if (auto output = cudnn_batch_norm(run, operation)) return std::move(*output);
#endif
  return plain_batch_norm(run, operation);
}

std::vector<at::Tensor> backward(NodeRun& run, BatchNormOperation operation, const at::Tensor& gradient) {
  if (has_own_passes(run, run.kept[0])) return backward_own(run, operation, gradient);
#ifdef LOCKSTEP_CUDA
  if (was_cudnn_batch_norm(run)) return cudnn_batch_norm_backward(run, operation, gradient);
#endif
  return plain_batch_norm_backward(run, operation, gradient);
}

}  // namespace

at::Tensor plain_batch_norm(NodeRun& run, BatchNormOperation operation) {
  const at::Tensor& input = run.inputs[0];  // [N, C, H, W]
  const auto statistic = [&](size_t k) {
    return updates_statistics(run, input) || !uses_batch(run) ? std::optional(run.statistics[k]) : std::nullopt;
  };
  auto [output, mean, inverse_deviation] =
      at::native_batch_norm(input, run.parameters[0], run.parameters[1], statistic(0), statistic(1), uses_batch(run),
                            new_weight(*run.node), epsilon(*run.node));
  if (operation == BatchNormOperation::kNormAddRelu) output.add_(run.inputs[1]);
  if (operation != BatchNormOperation::kNorm) output.relu_();
  if (run.trains()) run.kept = {input, mean, inverse_deviation};
  if (run.trains() && operation != BatchNormOperation::kNorm) run.kept.push_back(output);
  return output;
}

std::vector<at::Tensor> plain_batch_norm_backward(NodeRun& run, BatchNormOperation operation,
                                                  const at::Tensor& gradient) {
  const at::Tensor passed = operation == BatchNormOperation::kNorm ? gradient : pass_gradient(gradient, run.kept[3]);
  auto [input, gamma, beta] = at::native_batch_norm_backward(
      passed, run.kept[0], run.parameters[0], run.statistics[0], run.statistics[1], run.kept[1], run.kept[2],
      uses_batch(run), epsilon(*run.node), {run.wants_gradient[0], run.trainable[0], run.trainable[1]});
  if (run.trainable[0]) run.put(0, gamma);
  if (run.trainable[1]) run.put(1, beta);
  if (operation == BatchNormOperation::kNormAddRelu) return {input, passed};
  return {input};
}

at::Tensor forward_batch_norm(NodeRun& run) { return forward(run, BatchNormOperation::kNorm); }
at::Tensor forward_batch_norm_relu(NodeRun& run) { return forward(run, BatchNormOperation::kNormRelu); }
at::Tensor forward_batch_norm_add_relu(NodeRun& run) { return forward(run, BatchNormOperation::kNormAddRelu); }

std::vector<at::Tensor> backward_batch_norm(NodeRun& run, const at::Tensor& gradient) {
  return backward(run, BatchNormOperation::kNorm, gradient);
}
std::vector<at::Tensor> backward_batch_norm_relu(NodeRun& run, const at::Tensor& gradient) {
  return backward(run, BatchNormOperation::kNormRelu, gradient);
}
std::vector<at::Tensor> backward_batch_norm_add_relu(NodeRun& run, const at::Tensor& gradient) {
  return backward(run, BatchNormOperation::kNormAddRelu, gradient);
}

}  // namespace lockstep::nn
