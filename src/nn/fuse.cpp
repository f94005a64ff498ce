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
bool is_fixed_norm(const model::Node& node) {
  return node.op == "BatchNorm" && model::bool_attribute(node, "fix_gamma", true);
}
bool is_add(const model::Node& node) { return node.op == "elemwise_add" || node.op == "_Plus" || node.op == "_plus"; }

/// The graph that is changed, beside the one that was given.
class Fusion {
 public:
  explicit Fusion(const model::Graph& graph) : graph_(graph), fused_(graph), readers_(readers_of(graph)) {}
  model::Graph run();

 private:
  /// The node that this input reads; null where somebody else reads it too.
  const model::Node* inner(const model::Node::Input& input) const {
    const auto node = static_cast<size_t>(input.node);
    return readers_[node] == 1 && input.output == 0 ? &graph_.nodes[node] : nullptr;
  }
  bool reads_pictures(const model::Node& node) const {
    const model::Node& source = graph_.nodes[static_cast<size_t>(node.inputs[0].node)];
    return source.op == "_copy" || source.op == "identity" ? reads_pictures(source) : source.name == "data";
  }
  void join_relu(model::Node& node) const;
  void join_first_convolution(model::Node& node) const;

  const model::Graph& graph_;
  model::Graph fused_;
  std::vector<int> readers_;
};

void replace(model::Node& node, const model::Node& norm, const char* op) {
  node.op = op;
  node.attributes = norm.attributes;
  node.inputs = norm.inputs;
}

void Fusion::join_relu(model::Node& node) const {
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

void Fusion::join_first_convolution(model::Node& node) const {
  const model::Node* norm = inner(node.inputs[0]);
  if (!norm || !is_fixed_norm(*norm) || !reads_pictures(*norm) || model::int_attribute(node, "num_group", 1) != 1)
    return;
  const model::Node convolution = node;
  replace(node, *norm, "BatchNorm+Convolution");
  node.attributes.insert(convolution.attributes.begin(), convolution.attributes.end());
  node.inputs.insert(node.inputs.end(), convolution.inputs.begin() + 1, convolution.inputs.end());
}

// A fused node stands in the place of the last one, where all that it reads is there. The others stay behind without a
// reader, and the executor leaves them out.
model::Graph Fusion::run() {
  for (model::Node& node : fused_.nodes) {
    if (is_relu(node) && node.inputs.size() == 1) join_relu(node);
    if (node.op == "Convolution") join_first_convolution(node);
  }
  return std::move(fused_);
}

}  // namespace

model::Graph fuse(const model::Graph& graph) { return Fusion(graph).run(); }

}  // namespace lockstep::nn
