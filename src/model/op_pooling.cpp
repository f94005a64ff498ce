#include "op.h"
#include "window.h"

namespace lockstep::model {
namespace {

// MXNet with oneDNN keeps the positions of the maxima in a second output.
int outputs(const Node& node) { return text_attribute(node, "pool_type", "max") == "max" ? 2 : 1; }

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  require_picture(node, shapes);
  const std::string type = text_attribute(node, "pool_type", "max");
  if (type != "max" && type != "avg") refuse(node, "pool_type \"", type, "\" is not supported, max and avg are");
  const std::string convention = text_attribute(node, "pooling_convention", "valid");
  if (convention != "valid" && convention != "full")
    refuse(node, "pooling_convention \"", convention, "\" is not supported, valid and full are");
  const Shape& input = shapes.inputs[0];
  if (bool_attribute(node, "global_pool", false)) {
    shapes.outputs = {{input[0], input[1], 1, 1}};
    shapes.flops = count(input);
    return;
  }
  const Window window(node);
  const bool round_up = convention == "full";
  shapes.outputs = {{input[0], input[1], window.positions(node, 0, input[2], round_up),
                     window.positions(node, 1, input[3], round_up)}};
  shapes.flops = count({count(shapes.outputs[0]), window.kernel[0], window.kernel[1]});
}

}  // namespace

const Operator op::pooling = {
    .parameters = no_parameters, .auxiliary = 0, .outputs = outputs, .infer = infer, .keeps_input = true};

}  // namespace lockstep::model
