#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const double low = number_attribute(node, "a_min", 0), high = number_attribute(node, "a_max", 0);
  if (!(low < high)) refuse(node, "nothing lies between a_min ", low, " and a_max ", high);
  shapes.outputs = {shapes.inputs[0]};
  shapes.flops = count({2, count(shapes.inputs[0])});
}

}  // namespace

const Operator op::clip = {
    .parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_output = true};

}  // namespace lockstep::model
