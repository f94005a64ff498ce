#include <ATen/ops/mul.h>

#include "operators.h"

namespace lockstep::nn {
namespace {

/// Summed over the axes along which `like` was repeated.
at::Tensor summed_like(const at::Tensor& gradient, const at::Tensor& like) {
  std::vector<int64_t> repeated;
  for (int64_t axis = 0; axis < like.dim(); ++axis)
    if (like.size(axis) == 1 && gradient.size(axis) != 1) repeated.push_back(axis);
  return repeated.empty() ? gradient : gradient.sum(repeated, true);
}

}  // namespace

at::Tensor forward_multiply(NodeRun& run) {
  if (run.trains()) run.kept = run.inputs;
  return at::mul(run.inputs[0], run.inputs[1]);
}

std::vector<at::Tensor> backward_multiply(NodeRun& run, const at::Tensor& gradient) {
  std::vector<at::Tensor> below(2);
  for (const size_t side : {0, 1})
    if (run.wants_gradient[side])
      below[side] = summed_like(at::mul(gradient, run.kept[1 - side]), run.kept[side])
                        .contiguous(run.kept[side].suggest_memory_format());
  return below;
}

}  // namespace lockstep::nn
