#include "op.h"

namespace lockstep::model {
namespace {

bool is_learnt(const Node& node) { return text_attribute(node, "act_type", "leaky") == "prelu"; }

std::vector<std::string> parameters(const Node& node) {
  if (is_learnt(node)) return {"slope"};  // MXNet calls the variable <node>_gamma
  return {};
}

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, is_learnt(node) ? 2 : 1);
  const std::string type = text_attribute(node, "act_type", "leaky");
  if (type != "leaky" && type != "prelu")
    refuse(node, "act_type \"", type, "\" is not supported; there are leaky and prelu");
  const Shape input = shapes.inputs[0];
  if (is_learnt(node)) {
    if (input.size() < 2) refuse(node, "its input ", shape_text(input), " has no channels");
    shapes.inputs[1] = {input[1]};
  }
  shapes.outputs = {input};
  shapes.flops = count({2, count(input)});
}

}  // namespace

const Operator op::leaky_relu = {
    .parameters = parameters, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_input = true};

}  // namespace lockstep::model
