#include "op.h"

namespace lockstep::model {
namespace {

// MXNet keeps the mask in a second output.
int two_outputs(const Node&) { return 2; }

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const double p = number_attribute(node, "p", 0.5);
  if (!(p >= 0 && p < 1)) refuse(node, "p is ", p, "; a share from 0 to below 1 is needed");
  if (text_attribute(node, "mode", "training") != "training") refuse(node, "only mode training is supported");
  if (!tuple_attribute(node, "axes", {}).empty()) refuse(node, "axes are not supported");
  shapes.outputs = {shapes.inputs[0]};
  shapes.flops = count(shapes.inputs[0]);
}

}  // namespace

const Operator op::dropout = {
    .parameters = no_parameters, .auxiliary = 0, .outputs = two_outputs, .infer = infer, .keeps_output = true};

}  // namespace lockstep::model
