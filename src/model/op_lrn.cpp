#include <cmath>

#include "op.h"

namespace lockstep::model {
namespace {

// MXNet keeps the norm in a second output.
int two_outputs(const Node&) { return 2; }

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  require_picture(node, shapes);
  const int64_t size = int_attribute(node, "nsize", 0);
  if (size < 1 || size % 2 == 0 || size > 1024)
    refuse(node, "nsize is ", size, "; an odd number of channels is needed");
  const double alpha = number_attribute(node, "alpha", 1e-4), beta = number_attribute(node, "beta", 0.75),
               knorm = number_attribute(node, "knorm", 2);
  if (!std::isfinite(beta) || !(alpha >= 0) || !(knorm > 0)) refuse(node, "alpha ", alpha, ", knorm ", knorm);
  shapes.outputs = {shapes.inputs[0]};
  shapes.flops = count({size + 4, count(shapes.inputs[0])});
}

}  // namespace

const Operator op::lrn = {
    .parameters = no_parameters, .auxiliary = 0, .outputs = two_outputs, .infer = infer, .keeps_input = true};

}  // namespace lockstep::model
