#pragma once

#include <vector>

#include "lockstep/model/graph.h"

namespace lockstep::model {

/// What Reshape, expand_dims and squeeze make of an input of that shape. Numbers of Reshape's `shape`: 0 keeps the
/// input's axis, -1 is what is left, -2 keeps all axes that follow, -3 is the product of two, -4 divides one into the
/// next two. Data Error naming the node when the elements do not fit.
Shape reshaped(const Node& node, const Shape& input);

/// Of transpose and SwapAxis: axis i of the output is axis result[i] of an input with `rank` axes. Data Error naming
/// the node.
std::vector<int64_t> permutation_of(const Node& node, size_t rank);

/// The axis of that name, counted from the end where it is negative, in 0..rank-1. Data Error naming the node.
size_t axis_attribute(const Node& node, const std::string& name, int64_t fallback, size_t rank);

/// What slice_axis takes of its input. 0 <= begin < end <= size of the axis, or a data Error naming the node.
struct Slice {
  size_t axis = 0;
  int64_t begin = 0, end = 0;
};
Slice slice_of(const Node& node, const Shape& input);

}  // namespace lockstep::model
