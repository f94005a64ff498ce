#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  for (const Shape& input : shapes.inputs)
    if (input != shapes.inputs[0])
      refuse(node, "cannot add ", shape_text(shapes.inputs[0]), " and ", shape_text(input));
  shapes.outputs = {shapes.inputs[0]};
  shapes.flops = count({static_cast<int64_t>(shapes.inputs.size()) - 1, count(shapes.inputs[0])});
}

}  // namespace

const Operator op::sum = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
