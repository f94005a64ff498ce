#include "op.h"

namespace lockstep::model {
namespace {

// The label is one class number a sample.
void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 2);
  const Shape input = shapes.inputs[0];
  if (input.size() != 2) refuse(node, "its input ", shape_text(input), " is not [N, classes]");
  shapes.inputs[1] = {input[0]};
  shapes.outputs = {input};
  shapes.flops = count({3, count(input)});
}

}  // namespace

const Operator op::softmax_output = {
    .parameters = label_input, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_output = true};

}  // namespace lockstep::model
