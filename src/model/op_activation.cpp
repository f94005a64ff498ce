#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const std::string type = text_attribute(node, "act_type", "");
  if (type != "relu") refuse(node, "act_type \"", type, "\" is not supported, relu is");
  shapes.outputs = {shapes.inputs[0]};
  shapes.flops = count(shapes.inputs[0]);
}

}  // namespace

const Operator op::activation = {
    .parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_output = true};

}  // namespace lockstep::model
