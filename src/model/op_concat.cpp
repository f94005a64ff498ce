#include "lockstep/model/axes.h"
#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  Shape output = shapes.inputs[0];
  const size_t axis = axis_attribute(node, "dim", 1, output.size());
  if (axis == 0) refuse(node, "dim 0, that of the samples, cannot be joined");
  output[axis] = 0;
  for (Shape input : shapes.inputs) {
    const std::string text = shape_text(input);
    if (input.size() == output.size()) {
      const int64_t size = input[axis];
      input[axis] = output[axis];
      if (input == output && !__builtin_add_overflow(output[axis], size, &output[axis])) continue;
    }
    refuse(node, "cannot put ", text, " behind ", shape_text(shapes.inputs[0]), " along axis ", axis);
  }
  shapes.outputs = {output};
}

}  // namespace

const Operator op::concat = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
