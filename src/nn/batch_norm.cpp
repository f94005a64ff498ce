#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>

#include "operators.h"

namespace lockstep::nn {
namespace {

// MXNet's `momentum` is the weight of the old value, torch's that of the new one.
double torch_momentum(const model::Node& node) { return 1.0 - model::number_attribute(node, "momentum", 0.9); }
double epsilon(const model::Node& node) { return model::number_attribute(node, "eps", 1e-3); }
bool uses_batch(const NodeRun& run) {
  return run.mode == Mode::kTrain && !model::bool_attribute(*run.node, "use_global_stats", false);
}

}  // namespace

// Where gamma is fixed its segment holds ones and is never updated.
at::Tensor forward_batch_norm(NodeRun& run) {
  const at::Tensor& input = run.inputs[0];  // [N, C, H, W]
  // One value a channel has no unbiased variance: it would make the running one NaN for ever.
  const bool updates = uses_batch(run) && input.numel() > input.size(1);
  const auto statistic = [&](size_t k) {
    return updates || !uses_batch(run) ? std::optional(run.statistics[k]) : std::nullopt;
  };
  auto [output, mean, inverse_deviation] =
      at::native_batch_norm(input, run.parameters[0], run.parameters[1], statistic(0), statistic(1), uses_batch(run),
                            torch_momentum(*run.node), epsilon(*run.node));
  if (run.trains()) run.kept = {input, mean, inverse_deviation};
  return output;
}

std::vector<at::Tensor> backward_batch_norm(NodeRun& run, const at::Tensor& gradient) {
  auto [input, gamma, beta] = at::native_batch_norm_backward(
      gradient, run.kept[0], run.parameters[0], run.statistics[0], run.statistics[1], run.kept[1], run.kept[2],
      uses_batch(run), epsilon(*run.node), {run.wants_gradient[0], run.trainable[0], run.trainable[1]});
  if (run.trainable[0]) run.put(0, gamma);
  if (run.trainable[1]) run.put(1, beta);
  return {input};
}

}  // namespace lockstep::nn
