#include "lockstep/model/axes.h"
#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const Slice slice = slice_of(node, shapes.inputs[0]);
  Shape output = shapes.inputs[0];
  output[slice.axis] = slice.end - slice.begin;
  shapes.outputs = {output};
}

}  // namespace

const Operator op::slice = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
