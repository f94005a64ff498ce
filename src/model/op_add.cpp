#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 2);
  if (shapes.inputs[0] != shapes.inputs[1])
    refuse(node, "cannot add ", shape_text(shapes.inputs[0]), " and ", shape_text(shapes.inputs[1]));
  shapes.outputs = {shapes.inputs[0]};
  shapes.flops = count(shapes.inputs[0]);
}

}  // namespace

const Operator op::add = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
