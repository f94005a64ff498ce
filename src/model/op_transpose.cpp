#include <algorithm>

#include "op.h"

namespace lockstep::model {
namespace {

void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  const Shape& input = shapes.inputs[0];
  const std::vector<int64_t> axes = tuple_attribute(node, "axes", {});
  std::vector<int64_t> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  bool fits = axes.size() == input.size() && !axes.empty();
  for (size_t i = 0; fits && i < sorted.size(); ++i) fits = sorted[i] == static_cast<int64_t>(i);
  if (!fits) refuse(node, "axes ", shape_text(axes), " are not those of its input ", shape_text(input));
  Shape output;
  for (const int64_t axis : axes) output.push_back(input[static_cast<size_t>(axis)]);
  shapes.outputs = {output};
}

}  // namespace

const Operator op::transpose = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
