#include "op.h"

namespace lockstep::model {
namespace {

bool has_bias(const Node& node) { return !bool_attribute(node, "no_bias", false); }

std::vector<std::string> parameters(const Node& node) {
  if (has_bias(node)) return {"weight", "bias"};
  return {"weight"};
}

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, has_bias(node) ? 3 : 2);
  const Shape input = shapes.inputs[0];
  if (input.size() < 2 || count(input) == 0) refuse(node, "its input ", shape_text(input), " has no features");
  if (input.size() > 2 && !bool_attribute(node, "flatten", true)) refuse(node, "flatten=False is not supported");
  const int64_t hidden = int_attribute(node, "num_hidden", 0);
  if (hidden < 1) refuse(node, "num_hidden is ", hidden);
  const int64_t features = count(input) / input[0];
  shapes.inputs[1] = {hidden, features};
  if (has_bias(node)) shapes.inputs[2] = {hidden};
  shapes.outputs = {{input[0], hidden}};
  shapes.flops = count({2, input[0], hidden, features});
  if (has_bias(node)) shapes.flops += count({input[0], hidden});
}

}  // namespace

const Operator op::fully_connected = {
    .parameters = parameters, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_input = true};

}  // namespace lockstep::model
