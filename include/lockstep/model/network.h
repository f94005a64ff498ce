#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lockstep/core/table.h"
#include "lockstep/model/graph.h"

namespace lockstep::model {

/// What the maker of a network is asked for.
struct NetworkOptions {
  int64_t num_layers = 0;
  int64_t classes = 0;
  int64_t channels = 3, height = 224, width = 224;
  bool multi_label = false;
  std::string shortcut = "projection";  ///< resnet_v1 of 20 to 110 layers: how it reaches more channels; or "pad"
};

/// Builds a graph; usage Error naming what it can build when the options do not fit.
using MakeNetwork = Graph (*)(const NetworkOptions&);

/// The rows of networks.def.
std::span<const Entry<MakeNetwork>> networks();
Graph make_network(const std::string& name, const NetworkOptions& options);

/// The same network with another last layer: `classes` outputs, and behind them softmax, or for `multi_label` a sigmoid
/// each. Names stay. Unchanged where it is like that already.
Graph with_classes(Graph graph, int64_t classes, bool multi_label);

/// A parameter or running statistic of a graph.
struct Parameter {
  std::string name;
  Shape shape;
  int node = 0;            ///< of the operator that uses it
  bool auxiliary = false;  ///< running statistic: `aux:` in a .params file
  bool fixed = false;      ///< never trained: gamma of a BatchNorm with fix_gamma; stored as 1
  /// MXNet's rule: names ending in _weight and _gamma decay, others do not.
  bool decays() const;
};

/// What follows from a graph and the size of its input, without torch.
struct Facts {
  std::vector<Parameter> parameters;        ///< in graph order: variables depth-first, as MXNet lists them
  std::vector<std::vector<Shape>> outputs;  ///< shapes of each node's outputs
  int64_t flops = 0;                        ///< one forward pass
  int64_t activation_count = 0;             ///< elements that a training step keeps for backward
};
/// Infers everything from `data` = [N, C, H, W]. Data Error naming the node that does not fit.
Facts infer(const Graph& graph, const Shape& data);

/// Data Error unless the logits are one number a class for each sample: a convolution made flat may have left several.
void require_logits(const Graph& graph, const Facts& facts, const Output& output);

/// The initial value of parameter p, MXNet's Xavier(gaussian, in, 2): weights N(0, sqrt(2 / fan_in)) from (seed,
/// position of p), gamma and moving_var 1, everything else 0.
void initialise(const Parameter& parameter, uint64_t seed, uint64_t position, std::span<float> values);

}  // namespace lockstep::model
