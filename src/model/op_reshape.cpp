#include "lockstep/model/axes.h"
#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  shapes.outputs = {reshaped(node, shapes.inputs[0])};
}

}  // namespace

const Operator op::reshape = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
