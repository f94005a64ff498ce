#include "fuse.h"

namespace lockstep::nn {
namespace {

/// How often each node's output is read, by nodes or from outside.
std::vector<int> readers_of(const model::Graph& graph) {
  std::vector<int> readers(graph.nodes.size());
  for (const model::Node& node : graph.nodes)
    for (const auto& input : node.inputs) ++readers[static_cast<size_t>(input.node)];
  for (const auto& head : graph.heads) ++readers[static_cast<size_t>(head.node)];
  return readers;
}

bool is_relu(const model::Node& node) {
  return node.op == "Activation" && model::text_attribute(node, "act_type", "") == "relu";
}
bool is_add(const model::Node& node) { return node.op == "elemwise_add" || node.op == "_Plus" || node.op == "_plus"; }

}  // namespace

// A fused node stands in the place of the last one, where all that it reads is there. The others stay behind without a
// reader, and the executor leaves them out.
model::Graph fuse(const model::Graph& graph) {
  model::Graph fused = graph;
  const std::vector<int> readers = readers_of(graph);
  const auto inner = [&](const model::Node::Input& input) -> const model::Node* {
    const auto node = static_cast<size_t>(input.node);
    return readers[node] == 1 && input.output == 0 ? &graph.nodes[node] : nullptr;
  };
  const auto replace = [](model::Node& node, const model::Node& norm, const char* op) {
    node.op = op;
    node.attributes = norm.attributes;
    node.inputs = norm.inputs;
  };
  for (model::Node& node : fused.nodes) {
    if (!is_relu(node) || node.inputs.size() != 1) continue;
    const model::Node* before = inner(node.inputs[0]);
    if (before && before->op == "BatchNorm") {
      replace(node, *before, "BatchNorm+relu");
    } else if (before && is_add(*before) && before->inputs.size() == 2) {
      for (const size_t side : {0, 1}) {
        const model::Node* norm = inner(before->inputs[side]);
        if (!norm || norm->op != "BatchNorm") continue;
        replace(node, *norm, "BatchNorm+add+relu");
        node.inputs.push_back(before->inputs[1 - side]);
        break;
      }
    }
  }
  return fused;
}

}  // namespace lockstep::nn
