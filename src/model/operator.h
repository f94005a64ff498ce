#pragma once

#include <span>
#include <string>
#include <vector>

#include "lockstep/core/table.h"
#include "lockstep/model/graph.h"

namespace lockstep::model {

/// What a node does to shapes. The operator's row fills in what it can tell.
struct NodeShapes {
  std::vector<Shape> inputs;   ///< known: those of other nodes; the shapes of variables are filled in by the operator
  std::vector<Shape> outputs;  ///< filled in by the operator
  int64_t flops = 0;           ///< of one forward pass over this batch; multiply and add count as two
};

/// An operator without torch: its inputs, shapes and cost. `nn` has a row of the same name with forward and backward.
struct Operator {
  /// Names of the inputs behind the data, as suffixes of the node's name ("weight", "bias", "gamma", ...); auxiliary
  /// states last. "label" stands for an input that is no parameter.
  std::vector<std::string> (*parameters)(const Node& node);
  /// How many of those are auxiliary states (moving statistics).
  int auxiliary;
  /// Outputs that MXNet counts in node_row_ptr.
  int (*outputs)(const Node& node);
  /// Fills NodeShapes; data Error naming the node when the shapes do not fit.
  void (*infer)(const Node& node, NodeShapes& shapes);
  /// What backward reads again: the first input, the output.
  bool keeps_input = false, keeps_output = false;
};

/// The rows of operators.def.
std::span<const Entry<Operator>> operators();
/// The row for this node's operator; data Error naming the node when there is none.
const Operator& operator_of(const Node& node);

}  // namespace lockstep::model
