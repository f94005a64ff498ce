#ifdef LOCKSTEP_CUDA

#include "cudnn_batch_norm_ways.h"

#include <ATen/ops/empty_like.h>

namespace lockstep::nn {

at::Tensor forward_by(const Way& way, NodeRun& run, BatchNormOperation operation) {
  BatchNormTensors t{.x = run.inputs[0],
                     .scale = run.parameters[0],
                     .offset = run.parameters[1],
                     .running_mean = run.statistics[0],
                     .running_variance = run.statistics[1],
                     .output = at::empty_like(run.inputs[0]),
                     .mean = at::empty_like(run.parameters[0]),
                     .inverse_deviation = at::empty_like(run.parameters[0])};
  if (operation == BatchNormOperation::kNormAddRelu) t.shortcut = run.inputs[1];
  std::visit(
      [&](const auto& one) {
        t.reserve = device_bytes(one.reserve_bytes(), t.x);
        one.forward(t, epsilon(*run.node), new_weight(*run.node));
        run.kept = {t.x, t.mean, t.inverse_deviation, one.needs_output() ? t.output : at::Tensor(), t.reserve};
      },
      way);
  return t.output;
}

namespace {

/// Where a parameter's gradient is written: at once into its place where nothing else has to be added to it.
at::Tensor place_of_gradient(NodeRun& run, size_t parameter) {
  return run.trainable[parameter] && !run.accumulate ? run.parameter_gradients[parameter]
                                                     : at::empty_like(run.parameters[parameter]);
}

}  // namespace

std::vector<at::Tensor> backward_by(const Way& way, NodeRun& run, BatchNormOperation operation,
                                    const at::Tensor& gradient) {
  const bool adds = operation == BatchNormOperation::kNormAddRelu;
  const at::Tensor& x = run.kept[0];
  const BatchNormTensors t{.x = x,
                           .scale = run.parameters[0],
                           .offset = run.parameters[1],
                           .output = run.kept[3],
                           .mean = run.kept[1],
                           .inverse_deviation = run.kept[2],
                           .reserve = run.kept[4],
                           .gradient = gradient,
                           .x_gradient = at::empty_like(x),
                           .shortcut_gradient = adds ? at::empty_like(x) : at::Tensor(),
                           .scale_gradient = place_of_gradient(run, 0),
                           .offset_gradient = place_of_gradient(run, 1)};
  std::visit([&](const auto& one) { one.backward(t, epsilon(*run.node)); }, way);
  if (run.trainable[0] && run.accumulate) run.put(0, t.scale_gradient);
  if (run.trainable[1] && run.accumulate) run.put(1, t.offset_gradient);
  if (adds) return {t.x_gradient, t.shortcut_gradient};
  return {t.x_gradient};
}

}  // namespace lockstep::nn

#endif
