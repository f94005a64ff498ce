#include "lockstep/core/text.h"
#include "lockstep/model/network.h"

namespace lockstep::model {
namespace {

/// In the layer, and in its variables, which carry a copy of what MXNet was told of the layer.
void set_classes(Graph& graph, int index, int64_t classes) {
  Node& layer = graph.nodes[static_cast<size_t>(index)];
  const std::string size = layer.op == "FullyConnected" ? "num_hidden" : "num_filter";
  layer.attributes[size] = cat(classes);
  for (const Node::Input& input : layer.inputs)
    if (Node& variable = graph.nodes[static_cast<size_t>(input.node)];
        variable.op == "null" && variable.attributes.contains(size))
      variable.attributes[size] = cat(classes);
}

}  // namespace

Graph with_classes(Graph graph, int64_t classes, bool multi_label) {
  const Output output = find_output(graph);
  const Node head = graph.nodes[static_cast<size_t>(graph.heads[0].node)];
  const bool trains = head.op == "SoftmaxOutput" || head.op == "Softmax" || head.op == "LogisticRegressionOutput";
  if (trains && output.classes == classes && output.multi_label == multi_label) return graph;

  set_classes(graph, output.layer, classes);
  if (trains && output.multi_label == multi_label) return graph;
  // What lies behind the logits feeds nothing but the end that is replaced.
  graph.nodes.resize(static_cast<size_t>(output.logits) + 1);
  const std::string name = trains ? head.name : "softmax";
  const int label = output.logits + 1;
  graph.nodes.push_back({.op = "null", .name = name + "_label"});
  graph.nodes.push_back({.op = multi_label ? "LogisticRegressionOutput" : "SoftmaxOutput",
                         .name = name,
                         .inputs = {{.node = output.logits}, {.node = label}}});
  graph.heads = {{.node = label + 1}};
  return graph;
}

}  // namespace lockstep::model
