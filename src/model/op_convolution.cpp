#include "op.h"
#include "window.h"

namespace lockstep::model {
namespace {

bool has_bias(const Node& node) { return !bool_attribute(node, "no_bias", false); }

std::vector<std::string> parameters(const Node& node) {
  if (has_bias(node)) return {"weight", "bias"};
  return {"weight"};
}

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, has_bias(node) ? 3 : 2);
  require_picture(node, shapes);
  const std::string layout = text_attribute(node, "layout", "NCHW");
  if (layout != "NCHW" && layout != "None") refuse(node, "layout ", layout, " is not supported, NCHW is");
  const Window window(node);
  const Shape input = shapes.inputs[0];
  const int64_t filters = int_attribute(node, "num_filter", 0), groups = int_attribute(node, "num_group", 1);
  if (filters < 1 || groups < 1 || filters % groups != 0 || input[1] % groups != 0)
    refuse(node, filters, " filters in ", groups, " groups do not fit ", input[1], " input channels");
  const int64_t channels = input[1] / groups;
  const Shape output = {input[0], filters, window.positions(node, 0, input[2], false),
                        window.positions(node, 1, input[3], false)};
  shapes.inputs[1] = {filters, channels, window.kernel[0], window.kernel[1]};
  if (has_bias(node)) shapes.inputs[2] = {filters};
  shapes.outputs = {output};
  shapes.flops = count({2, count(output), channels, window.kernel[0], window.kernel[1]});
  if (has_bias(node)) shapes.flops += count(output);
}

}  // namespace

const Operator op::convolution = {
    .parameters = parameters, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_input = true};

}  // namespace lockstep::model
