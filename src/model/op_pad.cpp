#include <algorithm>

#include "op.h"

namespace lockstep::model {
namespace {

// pad_width is (before, after) for each of four axes.
void infer(const Node& node, NodeShapes& shapes) {
  require_inputs(node, shapes, 1);
  require_picture(node, shapes);
  constexpr int64_t kLargest = 1 << 20;
  const std::string mode = text_attribute(node, "mode", "");
  if (mode != "constant") refuse(node, "mode \"", mode, "\" is not supported, constant is");
  const std::vector<int64_t> widths = tuple_attribute(node, "pad_width", {});
  if (widths.size() != 8) refuse(node, "pad_width has ", widths.size(), " numbers; a picture needs 8");
  for (const int64_t width : widths)
    if (width < 0 || width > kLargest) refuse(node, "pad_width is ", shape_text(widths), ", out of range");
  if (std::any_of(widths.begin(), widths.begin() + 4, [](int64_t width) { return width != 0; }))
    refuse(node, "pad_width is ", shape_text(widths), "; MXNet pads the last two axes only");
  Shape output = shapes.inputs[0];
  for (size_t axis = 0; axis < 4; ++axis) output[axis] += widths[2 * axis] + widths[2 * axis + 1];
  shapes.outputs = {output};
}

}  // namespace

const Operator op::pad = {.parameters = no_parameters, .auxiliary = 0, .outputs = one_output, .infer = infer};

}  // namespace lockstep::model
