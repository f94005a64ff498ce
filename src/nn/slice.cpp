#include <ATen/ops/slice_backward.h>

#include "lockstep/model/axes.h"
#include "operators.h"

namespace lockstep::nn {

at::Tensor forward_slice(NodeRun& run) {
  const at::Tensor& input = run.inputs[0];
  if (run.trains()) run.kept = {input};
  const model::Slice slice = model::slice_of(*run.node, input.sizes().vec());
  return input.narrow(static_cast<int64_t>(slice.axis), slice.begin, slice.end - slice.begin)
      .contiguous(input.suggest_memory_format());
}

std::vector<at::Tensor> backward_slice(NodeRun& run, const at::Tensor& gradient) {
  const at::Tensor& input = run.kept[0];
  const model::Slice slice = model::slice_of(*run.node, input.sizes().vec());
  return {at::slice_backward(gradient, input.sizes(), static_cast<int64_t>(slice.axis), slice.begin, slice.end, 1)
              .contiguous(input.suggest_memory_format())};
}

}  // namespace lockstep::nn
