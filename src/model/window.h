#pragma once

#include "lockstep/model/graph.h"

namespace lockstep::model {

/// The sliding window of a Convolution or Pooling: {height, width} each.
struct Window {
  std::vector<int64_t> kernel, stride, pad, dilate;

  /// Reads and checks the attributes; MXNet's defaults are stride 1, pad 0, dilate 1.
  explicit Window(const Node& node);
  /// Positions of the window along axis 0 (height) or 1 (width). MXNet's convention `valid` rounds down, `full` up.
  int64_t positions(const Node& node, int axis, int64_t size, bool round_up) const;
};

}  // namespace lockstep::model
