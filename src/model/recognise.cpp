#include "recognise.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "lockstep/model/network.h"

namespace lockstep::model {
namespace {

/// Depth as ResNets count it: the layers with weights on the longest way, so without the projections of shortcuts.
int64_t depth_of(const Graph& graph) {
  return std::count_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    return node.op == "FullyConnected" ||
           (node.op == "Convolution" && !node.name.ends_with("_sc") && !node.name.ends_with(".downsample.0"));
  });
}

/// Parameters without those of the classifier's layer, whose name depends on who trained the network.
std::vector<Parameter> body_of(const Graph& graph, const Shape& data) {
  const int last = find_output(graph).layer;
  std::vector<Parameter> parameters = infer(graph, data).parameters;
  std::erase_if(parameters, [&](const Parameter& parameter) { return parameter.node == last; });
  return parameters;
}

bool is_same(const Parameter& a, const Parameter& b) {
  return a.name == b.name && a.shape == b.shape && a.auxiliary == b.auxiliary && a.fixed == b.fixed;
}

}  // namespace

void recognise(const Graph& graph, Card& card) {
  const Output output = find_output(graph);
  const Shape data = {1, card.channels, card.height, card.width};
  for (const auto& row : networks())
    for (const int64_t depth : {int64_t{0}, depth_of(graph)})  // 0: of a network that has one depth
      for (const char* const shortcut : {"projection", "pad"}) try {
          const auto ours = body_of(row.make({.num_layers = depth,
                                              .classes = output.classes,
                                              .channels = card.channels,
                                              .height = card.height,
                                              .width = card.width,
                                              .multi_label = output.multi_label,
                                              .shortcut = shortcut}),
                                    data),
                     theirs = body_of(graph, data);
          if (!std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(), is_same)) continue;
          card.network = row.name;
          card.num_layers = depth;
          return;
        } catch (const Error&) {  // a depth, shortcut or operator that this row does not have: not this network
        }
}

}  // namespace lockstep::model
