#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sum.h>

#include "operators.h"

// BatchNorm of the pictures and the convolution behind it, as pre-activation ResNets begin. Nothing below is trained
// and gamma is fixed: of d loss / d (output of the BatchNorm) only the sum over all pixels is wanted, beta's gradient.
// It takes one pass over the gradient, where all pixels would take as long as forward several times over.
namespace lockstep::nn {

at::Tensor forward_batch_norm(NodeRun& run);
at::Tensor forward_convolution(NodeRun& run);
std::vector<at::Tensor> backward_convolution(NodeRun& run, const at::Tensor& gradient);

namespace {

constexpr size_t kBeta = 1, kWeight = 2;  // parameters: gamma, beta, weight, perhaps a bias

/// The node as one of its two operators, which has the parameters begin..end.
NodeRun part_of(const NodeRun& run, size_t begin, size_t end) {
  const auto part = [=](const auto& all) {
    return std::decay_t<decltype(all)>(all.begin() + static_cast<long>(begin), all.begin() + static_cast<long>(end));
  };
  return {.node = run.node,
          .mode = run.mode,
          .inputs = {},
          .parameters = part(run.parameters),
          .working = part(run.working),
          .statistics = run.statistics,
          .parameter_gradients = part(run.parameter_gradients),
          .trainable = part(run.trainable),
          .wants_gradient = {false},
          .accumulate = run.accumulate,
          .plain = run.plain};
}

/// [kernel, outputs]: 1 where this place of the kernel meets the picture in that line of outputs, 0 where it meets the
/// border.
at::Tensor meetings(const model::Node& node, size_t axis, int64_t kernel, int64_t outputs, int64_t inputs,
                    const at::TensorOptions& options) {
  const auto attribute = [&](const char* name, int64_t otherwise) {
    return model::tuple_attribute(node, name, {otherwise, otherwise}).at(axis);
  };
  const at::Tensor place = at::arange(kernel, options).mul(attribute("dilate", 1)).unsqueeze(1);
  const at::Tensor line = at::arange(outputs, options).mul(attribute("stride", 1)).sub(attribute("pad", 0));
  const at::Tensor met = place.add(line);
  return met.ge(0).logical_and(met.lt(inputs)).to(options.dtype());
}

/// d loss / d input of the convolution, summed over samples and pixels: [C].
at::Tensor summed_input_gradient(const NodeRun& run, const at::Tensor& gradient) {
  const at::Tensor& input = run.kept[0];
  const auto type = gradient.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor weight = run.working[kWeight].to(type);                               // [K, C, kernel]
  const at::Tensor samples = at::sum(gradient.permute({0, 2, 3, 1}), {0}, false, type);  // [H', W', K]
  const auto met = [&](size_t axis) {
    const auto d = static_cast<int64_t>(axis) + 2;
    return meetings(*run.node, axis, weight.size(d), gradient.size(d), input.size(d), samples.options());
  };
  const at::Tensor across = at::matmul(met(1), samples);  // [H', kernel's width, K]
  const at::Tensor places = at::matmul(met(0), across.flatten(1)).view({weight.size(2), weight.size(3), -1});
  return weight.mul(places.permute({2, 0, 1}).unsqueeze(1)).sum({0, 2, 3});
}

}  // namespace

at::Tensor forward_batch_norm_convolution(NodeRun& run) {
  NodeRun norm = part_of(run, 0, kWeight), convolution = part_of(run, kWeight, run.parameters.size());
  norm.inputs = {run.inputs[0]};
  convolution.inputs = {forward_batch_norm(norm)};
  at::Tensor output = forward_convolution(convolution);
  run.kept = std::move(convolution.kept);
  return output;
}

std::vector<at::Tensor> backward_batch_norm_convolution(NodeRun& run, const at::Tensor& gradient) {
  if (run.trainable[kBeta]) run.put(kBeta, summed_input_gradient(run, gradient));
  NodeRun convolution = part_of(run, kWeight, run.parameters.size());
  convolution.kept = run.kept;
  backward_convolution(convolution, gradient);
  return {at::Tensor()};
}

}  // namespace lockstep::nn
