#include <algorithm>

#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  require_picture(node, shapes);
  const Shape& input = shapes.inputs[0];
  std::vector<int64_t> axes = tuple_attribute(node, "axis", {});
  for (int64_t& axis : axes) axis = axis < 0 ? axis + 4 : axis;
  std::sort(axes.begin(), axes.end());
  if (axes != std::vector<int64_t>{2, 3} || bool_attribute(node, "exclude", false))
    refuse(node, "only the mean over height and width, axis (2, 3), is supported");
  shapes.outputs = {bool_attribute(node, "keepdims", false) ? Shape{input[0], input[1], 1, 1}
                                                            : Shape{input[0], input[1]}};
  shapes.flops = count(input);
}

}  // namespace

const Operator op::mean = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
