#include "op.h"

namespace lockstep::model {
namespace {

/// output_size is one number for both sides, two, or none for 1 x 1.
void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  require_picture(node, shapes);
  const Shape& input = shapes.inputs[0];
  const std::vector<int64_t> size = tuple_attribute(node, "output_size", {1});
  if (size.size() > 2) refuse(node, "output_size ", shape_text(size), " is not of one or two numbers");
  const int64_t height = size.empty() ? 1 : size.front(), width = size.empty() ? 1 : size.back();
  if (height < 1 || width < 1 || height > input[2] || width > input[3])
    refuse(node, "output_size ", shape_text(size), " does not fit ", shape_text(input));
  shapes.outputs = {{input[0], input[1], height, width}};
  shapes.flops = count(input);
}

}  // namespace

const Operator op::adaptive_pooling = {
    .parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer, .keeps_input = true};

}  // namespace lockstep::model
