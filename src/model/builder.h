#pragma once

#include <string>
#include <vector>

#include "lockstep/model/graph.h"

namespace lockstep::model {

/// MXNet's text for two equal numbers: "(3, 3)".
std::string pair(int64_t value);

/// Writes a graph node by node, as MXNet's Python does: the variables of a node are made for it, named <node>_<suffix>,
/// with a copy of the node's attributes. Call add() in the order of a depth-first walk from the output (inputs before
/// users, first input first).
class GraphBuilder {
 public:
  /// Begins with the variable `data`.
  GraphBuilder();

  /// Appends the node behind these nodes (their first outputs) and its variables; returns its index.
  int add(const std::string& op, const std::string& name, const Attributes& attributes, const std::vector<int>& inputs);
  /// The graph with this node as its output. The builder is empty afterwards.
  Graph finish(int head);

  static constexpr int kData = 0;

 private:
  Graph graph_;
};

}  // namespace lockstep::model
