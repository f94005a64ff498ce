#include "op.h"

namespace lockstep::model {
namespace {

// The label is one 0 or 1 for each class of a sample.
void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 2);
  const Shape input = shapes.inputs[0];
  if (input.size() != 2) refuse(node, "its input ", shape_text(input), " is not [N, classes]");
  shapes.inputs[1] = input;
  shapes.outputs = {input};
  shapes.flops = count({2, count(input)});
}

}  // namespace

const Operator op::logistic_output = {
    .parameters = label_input, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_output = true};

}  // namespace lockstep::model
