#include "window.h"

#include "op.h"

namespace lockstep::model {
namespace {

constexpr int64_t kLargest = 1 << 20;  // of any window: keeps the arithmetic below far from overflow

std::vector<int64_t> read_pair(const Node& node, const char* name, int64_t fallback, int64_t smallest) {
  std::vector<int64_t> pair = tuple_attribute(node, name, {fallback, fallback});
  if (pair.empty()) pair = {fallback, fallback};
  if (pair.size() != 2) refuse(node, name, " is ", shape_text(pair), "; two dimensions are supported");
  for (const int64_t value : pair)
    if (value < smallest || value > kLargest) refuse(node, name, " is ", shape_text(pair), ", out of range");
  return pair;
}

}  // namespace

Window::Window(const Node& node)
    : kernel(read_pair(node, "kernel", 1, 1)),
      stride(read_pair(node, "stride", 1, 1)),
      pad(read_pair(node, "pad", 0, 0)),
      dilate(read_pair(node, "dilate", 1, 1)) {}

int64_t Window::positions(const Node& node, int axis, int64_t size, bool round_up) const {
  const int64_t rest = size + 2 * pad[axis] - dilate[axis] * (kernel[axis] - 1) - 1;
  if (rest < 0) refuse(node, "an input of ", size, " is smaller than the window of ", kernel[axis]);
  return (rest + (round_up ? stride[axis] - 1 : 0)) / stride[axis] + 1;
}

}  // namespace lockstep::model
