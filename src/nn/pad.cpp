#include <ATen/ops/constant_pad_nd.h>

#include "operators.h"

namespace lockstep::nn {
namespace {

/// ATen's order: (before, after) from the last axis to the first.
std::vector<int64_t> widths_of(const model::Node& node, int64_t sign) {
  const std::vector<int64_t> widths = model::tuple_attribute(node, "pad_width", {});
  std::vector<int64_t> reversed;
  for (size_t axis = widths.size() / 2; axis-- > 0;)
    reversed.insert(reversed.end(), {sign * widths[2 * axis], sign * widths[2 * axis + 1]});
  return reversed;
}

}  // namespace

at::Tensor forward_pad(NodeRun& run) {
  return at::constant_pad_nd(run.inputs[0], widths_of(*run.node, 1),
                             model::number_attribute(*run.node, "constant_value", 0));
}

std::vector<at::Tensor> backward_pad(NodeRun& run, const at::Tensor& gradient) {
  return {at::constant_pad_nd(gradient, widths_of(*run.node, -1))};
}

}  // namespace lockstep::nn
