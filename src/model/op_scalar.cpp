#include <cmath>

#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const double scalar = number_attribute(node, "scalar", 0);
  if (!std::isfinite(scalar) || (node.op == "_div_scalar" && scalar == 0)) refuse(node, "its scalar is ", scalar);
  shapes.outputs = {shapes.inputs[0]};
  shapes.flops = count(shapes.inputs[0]);
}

}  // namespace

const Operator op::scalar = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
