#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const std::string type = text_attribute(node, "dtype", "float32");
  if (!type.starts_with("float") && type != "bfloat16") refuse(node, "a cast to ", type, " is not supported");
  shapes.outputs = {shapes.inputs[0]};
}

}  // namespace

const Operator op::cast = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
