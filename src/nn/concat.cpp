#include <ATen/ops/cat.h>

#include "lockstep/model/axes.h"
#include "operators.h"

namespace lockstep::nn {
namespace {

int64_t axis_of(const NodeRun& run, const at::Tensor& tensor) {
  return static_cast<int64_t>(model::axis_attribute(*run.node, "dim", 1, static_cast<size_t>(tensor.dim())));
}

}  // namespace

at::Tensor forward_concat(NodeRun& run) {
  const at::Tensor& first = run.inputs[0];
  if (run.trains()) run.kept = run.inputs;
  return at::cat(run.inputs, axis_of(run, first)).contiguous(first.suggest_memory_format());
}

std::vector<at::Tensor> backward_concat(NodeRun& run, const at::Tensor& gradient) {
  std::vector<at::Tensor> below;
  const int64_t axis = axis_of(run, gradient);
  int64_t begin = 0;
  for (const at::Tensor& input : run.kept) {
    below.push_back(gradient.narrow(axis, begin, input.size(axis)).contiguous(run.kept[0].suggest_memory_format()));
    begin += input.size(axis);
  }
  return below;
}

}  // namespace lockstep::nn
