#include <array>

#include "op.h"
#include "operator.h"

namespace lockstep::model {

std::span<const Entry<Operator>> operators() {
  static const auto rows = std::to_array<Entry<Operator>>({
#define OPERATOR(name, identifier, help) {name, help, op::identifier},
#include "lockstep/model/operators.def"
#undef OPERATOR
  });
  return rows;
}

const Operator& operator_of(const Node& node) {
  for (const auto& row : operators())
    if (node.op == row.name) return row.make;
  const auto all = names(operators());
  refuse(node, "this operator is not supported; there are: ", join(all, ", "));
}

void require_inputs(const Node& node, const NodeShapes& shapes, size_t inputs) {
  if (shapes.inputs.size() != inputs) refuse(node, "has ", shapes.inputs.size(), " inputs instead of ", inputs);
}

void require_picture(const Node& node, const NodeShapes& shapes) {
  const Shape& shape = shapes.inputs[0];
  if (shape.size() != 4 || count(shape) == 0) refuse(node, "its input ", shape_text(shape), " is not [N, C, H, W]");
}

}  // namespace lockstep::model
