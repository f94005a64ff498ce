#include "lockstep/model/axes.h"

#include <algorithm>
#include <optional>

#include "op.h"

namespace lockstep::model {
namespace {

enum Code : int64_t { kKeep = 0, kRest = -1, kKeepAll = -2, kMerge = -3, kDivide = -4 };

/// Reads `shape` from left to right, taking axes of the input as it goes.
class Reshaping {
 public:
  Reshaping(const Node& node, const Shape& input) : node_(node), input_(input) {}

  Shape run() {
    const std::vector<int64_t> codes = tuple_attribute(node_, "shape", {});
    if (codes.empty()) refuse(node_, "it says no shape");
    if (bool_attribute(node_, "reverse", false)) refuse(node_, "reverse is not supported");
    for (size_t i = 0; i < codes.size(); ++i) {
      if (codes[i] != kDivide) {
        add(codes[i]);
      } else {
        if (i + 2 >= codes.size()) refuse(node_, "-4 in ", shape_text(codes), " wants two numbers behind it");
        divide(codes[i + 1], codes[i + 2]);
        i += 2;
      }
    }
    fill_rest();
    return std::move(output_);
  }

 private:
  int64_t take() {
    if (next_ >= input_.size()) refuse(node_, "its shape asks for more axes than ", shape_text(input_), " has");
    return input_[next_++];
  }

  void add(int64_t code) {
    if (code > 0) {
      next_ = std::min(next_ + 1, input_.size());
      output_.push_back(code);
    } else if (code == kKeep) {
      output_.push_back(take());
    } else if (code == kRest) {
      if (rest_) refuse(node_, "its shape has -1 twice");
      rest_ = output_.size();
      next_ = std::min(next_ + 1, input_.size());
      output_.push_back(1);
    } else if (code == kKeepAll) {
      while (next_ < input_.size()) output_.push_back(take());
    } else if (code == kMerge) {
      const int64_t first = take();
      output_.push_back(count({first, take()}));
    } else {
      refuse(node_, "its shape has ", code, ", which means nothing");
    }
  }

  void divide(int64_t first, int64_t second) {
    const int64_t whole = take();
    if (first == kRest && second > 0) first = whole / second;
    if (second == kRest && first > 0) second = whole / first;
    if (first < 1 || second < 1 || first != whole / second || whole % second != 0)
      refuse(node_, "cannot divide ", whole, " into ", first, " and ", second);
    output_.insert(output_.end(), {first, second});
  }

  void fill_rest() {
    const int64_t whole = count(input_), known = count(output_);
    if (rest_ && known > 0) output_[*rest_] = whole / known;
    if (count(output_) != whole)
      refuse(node_, "cannot make ", shape_text(output_), " of the elements of ", shape_text(input_));
  }

  const Node& node_;
  const Shape& input_;
  Shape output_;
  size_t next_ = 0;
  std::optional<size_t> rest_;
};

Shape with_axis(const Node& node, Shape shape) {
  const size_t axis = axis_attribute(node, "axis", 0, shape.size() + 1);
  shape.insert(shape.begin() + static_cast<long>(axis), 1);
  return shape;
}

Shape without_axes(const Node& node, const Shape& input) {
  const std::vector<int64_t> axes = tuple_attribute(node, "axis", {});
  if (axes.empty()) refuse(node, "it must name the axes that fall away; a batch of one sample would lose its own");
  Shape output = input;
  for (const int64_t axis : axes) {
    const int64_t place = axis < 0 ? axis + static_cast<int64_t>(input.size()) : axis;
    if (place < 0 || static_cast<size_t>(place) >= input.size() || input[static_cast<size_t>(place)] != 1)
      refuse(node, "axis ", axis, " of ", shape_text(input), " is not 1");
    output[static_cast<size_t>(place)] = -1;
  }
  std::erase(output, -1);
  return output;
}

}  // namespace

Shape reshaped(const Node& node, const Shape& input) {
  if (node.op == "expand_dims") return with_axis(node, input);
  if (node.op == "squeeze") return without_axes(node, input);
  return Reshaping(node, input).run();
}

std::vector<int64_t> permutation_of(const Node& node, size_t rank) {
  std::vector<int64_t> identity(rank);
  for (size_t i = 0; i < rank; ++i) identity[i] = static_cast<int64_t>(i);
  if (node.op != "transpose") {
    std::swap(identity[axis_attribute(node, "dim1", 0, rank)], identity[axis_attribute(node, "dim2", 0, rank)]);
    return identity;
  }
  const std::vector<int64_t> axes = tuple_attribute(node, "axes", {});
  std::vector<int64_t> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != identity || axes.empty())
    refuse(node, "axes ", shape_text(axes), " are not those of an input with ", rank, " axes");
  return axes;
}

size_t axis_attribute(const Node& node, const std::string& name, int64_t fallback, size_t rank) {
  const int64_t given = int_attribute(node, name, fallback), size = static_cast<int64_t>(rank);
  const int64_t axis = given < 0 ? given + size : given;
  if (axis < 0 || axis >= size) refuse(node, name, " is ", given, "; there are ", rank, " axes");
  return static_cast<size_t>(axis);
}

Slice slice_of(const Node& node, const Shape& input) {
  Slice slice{.axis = axis_attribute(node, "axis", 0, input.size())};
  if (slice.axis == 0) refuse(node, "axis 0, that of the samples, cannot be cut");
  const int64_t size = input[slice.axis];
  const auto place = [&](const char* name, int64_t fallback) {
    if (text_attribute(node, name, "None") == "None") return fallback;
    const int64_t value = int_attribute(node, name, fallback);
    return value < 0 ? value + size : value;
  };
  slice.begin = place("begin", 0);
  slice.end = place("end", size);
  if (slice.begin < 0 || slice.begin >= slice.end || slice.end > size)
    refuse(node, "nothing lies from ", slice.begin, " to ", slice.end, " of ", size);
  return slice;
}

}  // namespace lockstep::model
