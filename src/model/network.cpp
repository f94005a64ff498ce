#include "lockstep/model/network.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lockstep/core/error.h"
#include "lockstep/core/rng.h"
#include "op.h"

namespace lockstep::model {

#define NETWORK(name, maker, help) Graph maker(const NetworkOptions& options);
#include "lockstep/model/networks.def"
#undef NETWORK

std::span<const Entry<MakeNetwork>> networks() {
  static constexpr auto kRows = std::to_array<Entry<MakeNetwork>>({
#define NETWORK(name, maker, help) {name, help, maker},
#include "lockstep/model/networks.def"
#undef NETWORK
  });
  return kRows;
}

Graph make_network(const std::string& name, const NetworkOptions& options) {
  const auto& row = find_entry(networks(), name, "network");
  constexpr int64_t kMost = 1 << 24;  // of classes, channels and pixels along a side
  const auto check = [&](const char* what, int64_t value) {
    require(value >= 1 && value <= kMost, ErrorKind::kUsage, name, " cannot be built with ", what, " = ", value);
  };
  check("num_classes", options.classes);
  check("channels", options.channels);
  check("height", options.height);
  check("width", options.width);
  return row.make(options);
}

bool Parameter::decays() const { return name.ends_with("_weight") || name.ends_with("_gamma"); }

namespace {

/// Walks the nodes in their order; a variable gets its shape from the first operator that reads it.
class Inference {
 public:
  Inference(const Graph& graph, const Shape& data) : graph_(graph) {
    facts_.outputs.resize(graph.nodes.size());
    is_kept_.resize(graph.nodes.size());
    facts_.outputs[find_data()] = {data};
  }

  Facts run() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i)
      if (graph_.nodes[i].op != "null") visit(static_cast<int>(i));
    // In the order of the variables, which is that of their users unless two users share one.
    std::sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) { return a.variable < b.variable; });
    for (Found& found : found_) facts_.parameters.push_back(std::move(found.parameter));
    for (size_t i = 0; i < is_kept_.size(); ++i)
      if (is_kept_[i]) facts_.activation_count += count(facts_.outputs[i][0]);
    return std::move(facts_);
  }

 private:
  struct Found {
    int variable;
    Parameter parameter;
  };

  int find_data() const {
    const int named = graph_.find("data");
    require(named >= 0 && graph_.nodes[named].op == "null", ErrorKind::kData,
            "the graph has no variable called \"data\", the picture");
    return named;
  }

  void visit(int index) {
    const Node& node = graph_.nodes[index];
    const Operator& row = operator_of(node);
    const std::vector<std::string> suffixes = row.parameters(node);
    if (node.inputs.size() <= suffixes.size())
      refuse(node, "has ", node.inputs.size(), " inputs; data and ", join(suffixes, ", "), " are needed");
    const size_t first_variable = node.inputs.size() - suffixes.size();

    NodeShapes shapes;
    for (size_t i = 0; i < node.inputs.size(); ++i) shapes.inputs.push_back(known_shape(index, i, i < first_variable));
    row.infer(node, shapes);
    for (size_t i = first_variable; i < node.inputs.size(); ++i) {
      const bool auxiliary = i + row.auxiliary >= node.inputs.size();
      take_variable(index, i, shapes.inputs[i], suffixes[i - first_variable], auxiliary);
    }
    if (row.keeps_input) is_kept_[node.inputs[0].node] = true;
    if (row.keeps_output) is_kept_[index] = true;
    if (__builtin_add_overflow(facts_.flops, shapes.flops, &facts_.flops)) refuse(node, "the network is too large");
    facts_.outputs[index] = std::move(shapes.outputs);
  }

  Shape known_shape(int index, size_t i, bool needed) const {
    const Node& node = graph_.nodes[index];
    const Node::Input& input = node.inputs[i];
    if (input.node < 0 || input.node >= index) refuse(node, "its input ", i, " does not come before it");
    const auto& outputs = facts_.outputs[input.node];
    if (input.output >= 0 && static_cast<size_t>(input.output) < outputs.size()) return outputs[input.output];
    if (needed) refuse(node, "nothing says the shape of its input \"", graph_.nodes[input.node].name, "\"");
    return {};
  }

  void take_variable(int index, size_t i, const Shape& shape, const std::string& suffix, bool auxiliary) {
    const Node& node = graph_.nodes[index];
    const int variable = node.inputs[i].node;
    const std::string& name = graph_.nodes[variable].name;
    if (graph_.nodes[variable].op != "null") refuse(node, "its ", suffix, " \"", name, "\" is not a variable");
    auto& known = facts_.outputs[variable];
    if (!known.empty()) {
      if (known[0] != shape)
        refuse(node, name, " is ", shape_text(known[0]), " elsewhere and ", shape_text(shape), " here");
      return;
    }
    known = {shape};
    if (suffix == "label") return;
    const bool fixed = suffix == "gamma" && bool_attribute(node, "fix_gamma", true);
    found_.push_back({variable, {name, shape, index, auxiliary, fixed}});
  }

  const Graph& graph_;
  Facts facts_;
  std::vector<Found> found_;
  std::vector<bool> is_kept_;
};

}  // namespace

Facts infer(const Graph& graph, const Shape& data) { return Inference(graph, data).run(); }

void require_logits(const Graph& graph, const Facts& facts, const Output& output) {
  const Shape& logits = facts.outputs[static_cast<size_t>(output.logits)][0];
  const Node &node = graph.nodes[static_cast<size_t>(output.logits)],
             &layer = graph.nodes[static_cast<size_t>(output.layer)];
  if (logits.size() != 2 || logits[1] != output.classes)
    refuse(node, "its output is ", shape_text(logits), ", not one number for each of the ", output.classes,
           " classes of \"", layer.name, "\"; pictures of another size, or another kind of model");
}

void initialise(const Parameter& parameter, uint64_t seed, uint64_t position, std::span<float> values) {
  if (parameter.name.ends_with("_weight") && parameter.shape.size() > 1) {
    const double fan_in = static_cast<double>(count(parameter.shape)) / static_cast<double>(parameter.shape[0]);
    const double deviation = std::sqrt(2.0 / fan_in);
    Rng rng(seed, RngUse::kInitialise, 0, position);
    for (float& value : values) value = static_cast<float>(deviation * rng.normal());
    return;
  }
  const bool one = parameter.name.ends_with("_gamma") || parameter.name.ends_with("_var");
  std::fill(values.begin(), values.end(), one ? 1.0f : 0.0f);
}

}  // namespace lockstep::model
