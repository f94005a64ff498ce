#include "lockstep/model/axes.h"
#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const Shape& input = shapes.inputs[0];
  Shape output;
  for (const int64_t axis : permutation_of(node, input.size())) output.push_back(input[static_cast<size_t>(axis)]);
  shapes.outputs = {output};
}

}  // namespace

const Operator op::transpose = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
