#include "lockstep/model/axes.h"
#include "operators.h"

namespace lockstep::nn {
namespace {

std::vector<int64_t> axes_of(const NodeRun& run, const at::Tensor& tensor) {
  return model::permutation_of(*run.node, static_cast<size_t>(tensor.dim()));
}

}  // namespace

at::Tensor forward_transpose(NodeRun& run) {
  const at::Tensor& input = run.inputs[0];
  return input.permute(axes_of(run, input)).contiguous(input.suggest_memory_format());
}

std::vector<at::Tensor> backward_transpose(NodeRun& run, const at::Tensor& gradient) {
  const std::vector<int64_t> axes = axes_of(run, gradient);
  std::vector<int64_t> back(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) back[static_cast<size_t>(axes[i])] = static_cast<int64_t>(i);
  return {gradient.permute(back).contiguous(gradient.suggest_memory_format())};
}

}  // namespace lockstep::nn
