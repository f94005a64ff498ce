#include "op.h"

namespace lockstep::model {
namespace {

std::vector<std::string> parameters(const Node&) { return {"gamma", "beta", "moving_mean", "moving_var"}; }

// The batch's mean and variance are outputs in MXNet, which nobody reads.
int three_outputs(const Node&) { return 3; }

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 5);
  const Shape input = shapes.inputs[0];
  if (input.size() < 2 || count(input) == 0) refuse(node, "its input ", shape_text(input), " has no channels");
  if (int_attribute(node, "axis", 1) != 1) refuse(node, "only axis 1 is supported");
  for (size_t i = 1; i < 5; ++i) shapes.inputs[i] = {input[1]};
  shapes.outputs = {input};
  shapes.flops = count({2, count(input)});  // scale and shift; folding the statistics in costs nothing per pixel
}

}  // namespace

const Operator op::batch_norm = {
    .parameters = parameters, .auxiliary = 2, .outputs = three_outputs, .infer = infer, .keeps_input = true};

}  // namespace lockstep::model
