#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lockstep::model {

using Shape = std::vector<int64_t>;
std::string shape_text(const Shape& shape);  ///< "(64, 3, 7, 7)"
int64_t count(const Shape& shape);           ///< product of the dimensions

using Attributes = std::map<std::string, std::string>;

/// A node of a network, as in an MXNet symbol file: an operator with Python-like attribute strings ("(3, 3)", "True",
/// "2e-05"). op "null" is a variable: the picture `data`, a label, a parameter or a running statistic.
struct Node {
  std::string op;
  std::string name;
  Attributes attributes;
  struct Input {
    int node = 0;
    int output = 0;
    int version = 0;  ///< 1 where MXNet marks a state that the operator changes (moving_mean, moving_var)
  };
  std::vector<Input> inputs;
};

/// A network is data: nodes in depth-first post-order (inputs before users), and its outputs. Names and order are
/// MXNet's.
struct Graph {
  std::vector<Node> nodes;
  std::vector<Node::Input> heads;
  /// mxnet_version of the file it came from (10301 for 1.3.1), or the one that we write.
  int version = 10300;

  /// The index of the node of that name, or -1.
  int find(const std::string& name) const;
};

/// Attribute readers; data Error naming node, attribute and text when it cannot be read. The default is MXNet's for the
/// operator.
int64_t int_attribute(const Node& node, const std::string& name, int64_t fallback);
double number_attribute(const Node& node, const std::string& name, double fallback);
bool bool_attribute(const Node& node, const std::string& name, bool fallback);
std::string text_attribute(const Node& node, const std::string& name, const std::string& fallback);
std::vector<int64_t> tuple_attribute(const Node& node, const std::string& name, const std::vector<int64_t>& fallback);

/// The classifier's end of a graph: the last layer with weights, the node whose output are the logits, and what
/// follows.
struct Output {
  int logits = 0;            ///< node index: what SoftmaxOutput or LogisticRegressionOutput reads
  int layer = 0;             ///< node index: FullyConnected, then the same as `logits`; or a Convolution with a filter
                             ///< for each class, behind which there may be relu and pooling, and a Flatten at the end
  bool multi_label = false;  ///< LogisticRegressionOutput or sigmoid: one probability a label
  int classes = 0;
};
/// Data Error when the graph is not a classifier with one output; says what it found.
Output find_output(const Graph& graph);

}  // namespace lockstep::model
