#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const Shape& input = shapes.inputs[0];
  if (input.empty() || count(input) == 0) refuse(node, "its input ", shape_text(input), " is empty");
  shapes.outputs = {{input[0], count(input) / input[0]}};
}

}  // namespace

const Operator op::flatten = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
