#include <cmath>

#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const double alpha = number_attribute(node, "alpha", 0.2), beta = number_attribute(node, "beta", 0.5);
  if (!std::isfinite(alpha) || !std::isfinite(beta) || alpha == 0) refuse(node, "alpha ", alpha, ", beta ", beta);
  shapes.outputs = {shapes.inputs[0]};
  shapes.flops = count({4, count(shapes.inputs[0])});
}

}  // namespace

const Operator op::hard_sigmoid = {
    .parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_output = true};

}  // namespace lockstep::model
