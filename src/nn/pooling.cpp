#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/avg_pool2d_backward.h>
#include <ATen/ops/max_pool2d_with_indices.h>
#include <ATen/ops/max_pool2d_with_indices_backward.h>

#include "lockstep/core/error.h"
#include "operators.h"

namespace lockstep::nn {
namespace {

struct Window {
  bool average, global, ceil, count_padding;
  std::vector<int64_t> kernel, stride, pad;
};

Window window_of(const NodeRun& run, const at::Tensor& input) {
  const model::Node& node = *run.node;
  const std::string kind = model::text_attribute(node, "pool_type", "max");
  require(kind == "max" || kind == "avg", ErrorKind::kData, "node ", node.name, ": the pooling \"", kind,
          "\" is not supported; there are: max, avg");
  Window window{.average = kind == "avg",
                .global = model::bool_attribute(node, "global_pool", false),
                .ceil = model::text_attribute(node, "pooling_convention", "valid") == "full",
                .count_padding = model::bool_attribute(node, "count_include_pad", true),
                .kernel = model::tuple_attribute(node, "kernel", {1, 1}),
                .stride = model::tuple_attribute(node, "stride", {1, 1}),
                .pad = model::tuple_attribute(node, "pad", {0, 0})};
  if (window.global) {
    window.kernel = window.stride = {input.size(2), input.size(3)};
    window.pad = {0, 0};
    window.ceil = false;
  }
  return window;
}

}  // namespace

at::Tensor forward_pooling(NodeRun& run) {
  const at::Tensor& input = run.inputs[0];  // [N, C, H, W]
  const Window w = window_of(run, input);
  if (w.average) {
    if (run.trains()) run.kept = {input};
    return at::avg_pool2d(input, w.kernel, w.stride, w.pad, w.ceil, w.count_padding);
  }
  auto [output, indices] = at::max_pool2d_with_indices(input, w.kernel, w.stride, w.pad, 1, w.ceil);
  if (run.trains()) run.kept = {input, indices};
  return output;
}

std::vector<at::Tensor> backward_pooling(NodeRun& run, const at::Tensor& gradient) {
  const Window w = window_of(run, run.kept[0]);
  if (w.average)
    return {at::avg_pool2d_backward(gradient, run.kept[0], w.kernel, w.stride, w.pad, w.ceil, w.count_padding,
                                    std::nullopt)};
  return {at::max_pool2d_with_indices_backward(gradient, run.kept[0], w.kernel, w.stride, w.pad, {1, 1}, w.ceil,
                                               run.kept[1])};
}

}  // namespace lockstep::nn
