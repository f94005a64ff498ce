#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const Shape& input = shapes.inputs[0];
  if (input.size() != 2) refuse(node, "its input ", shape_text(input), " is not [N, classes]");
  const int64_t axis = int_attribute(node, "axis", -1);
  const std::string temperature = text_attribute(node, "temperature", "None");
  if (axis != -1 && axis != 1) refuse(node, "axis ", axis, " is not supported, that of the classes is");
  if (temperature != "None") refuse(node, "a temperature is not supported");
  if (text_attribute(node, "mode", "instance") != "instance") refuse(node, "only mode instance is supported");
  shapes.outputs = {input};
  shapes.flops = count({3, count(input)});
}

}  // namespace

const Operator op::softmax = {
    .parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_output = true};

}  // namespace lockstep::model
