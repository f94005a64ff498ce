#include "stages.h"

#include <set>
#include <string>

#include "lockstep/core/error.h"

namespace lockstep::nn {
namespace {

/// Operators that give out a tensor of their own, so that its only reader may overwrite it.
const std::set<std::string> kOwners = {
    "BatchNorm", "BatchNorm+Convolution", "Convolution", "FullyConnected", "elemwise_add", "_Plus", "_plus"};

/// Wires one node after the other, inputs first.
class Wiring {
 public:
  Wiring(const model::Graph& executed, const Layout& layout, const Buffers& buffers)
      : executed_(executed), layout_(layout), buffers_(buffers) {
    wired_.readers.assign(executed.nodes.size(), 0);
    trained_below_.assign(executed.nodes.size(), false);
    is_taken_.assign(layout.segments.size(), false);
  }

  void add(int node);
  Stages finish(int logits);

 private:
  void add_input(Stage& stage, int input);
  void add_parameter(Stage& stage, size_t segment);
  void mark_finished_slices();

  const model::Graph& executed_;
  const Layout& layout_;
  const Buffers& buffers_;
  std::vector<bool> trained_below_;  // of each node: a parameter here or below is trained
  std::vector<bool> is_taken_;       // of each segment: a stage owns it
  Stages wired_;
};

void Wiring::add(int node) {
  const model::Node& here = executed_.nodes[static_cast<size_t>(node)];
  Stage stage{.node = node, .kernel = &kernel_of(here)};
  stage.run.node = &here;
  for (const auto& input : here.inputs) add_input(stage, input.node);
  stage.has_backward = trained_below_[static_cast<size_t>(node)];
  wired_.stages.push_back(std::move(stage));
}

void Wiring::add_input(Stage& stage, int input) {
  const model::Node& source = executed_.nodes[static_cast<size_t>(input)];
  if (source.op == "null") {
    if (const auto found = layout_.parameter.find(source.name); found != layout_.parameter.end())
      return add_parameter(stage, found->second);
    if (const auto found = layout_.statistic.find(source.name); found != layout_.statistic.end())
      return stage.run.statistics.push_back(view(buffers_.statistics, layout_.statistics[found->second]));
  }
  const bool is_trained = trained_below_[static_cast<size_t>(input)];
  stage.inputs.push_back(input);
  stage.run.wants_gradient.push_back(is_trained);
  ++wired_.readers[static_cast<size_t>(input)];
  if (is_trained) trained_below_[static_cast<size_t>(stage.node)] = true;
}

void Wiring::add_parameter(Stage& stage, size_t index) {
  const Segment& segment = layout_.segments[index];
  require(!is_taken_[index], ErrorKind::kData, "node ", stage.run.node->name, ": its parameter ", segment.name,
          " is shared with another node, which is not supported");
  is_taken_[index] = true;
  const bool is_trained = !segment.fixed && segment.rate_factor != 0;
  stage.segments.push_back(index);
  stage.run.parameters.push_back(view(buffers_.parameters, segment));
  stage.run.working.push_back(
      view(buffers_.working_copy.defined() ? buffers_.working_copy : buffers_.parameters, segment));
  stage.run.parameter_gradients.push_back(view(buffers_.gradients, segment));
  stage.run.trainable.push_back(is_trained);
  if (is_trained) trained_below_[static_cast<size_t>(stage.node)] = true;
}

/// A fused node may finish a gradient earlier than the nodes in whose place it stands.
void Wiring::mark_finished_slices() {
  std::vector<bool> is_open = is_taken_;
  size_t closed = 0;
  for (auto stage = wired_.stages.rbegin(); stage != wired_.stages.rend(); ++stage) {
    for (const size_t segment : stage->segments) is_open[segment] = false;
    while (closed < is_open.size() && !is_open[closed]) ++closed;
    if (closed > 0) stage->finished_end = layout_.segments[closed - 1].end;
  }
}

Stages Wiring::finish(int logits) {
  ++wired_.readers[static_cast<size_t>(logits)];
  for (Stage& stage : wired_.stages) {
    const auto first = static_cast<size_t>(stage.inputs[0]);
    stage.run.may_overwrite = wired_.readers[first] == 1 && kOwners.contains(executed_.nodes[first].op);
  }
  mark_finished_slices();
  return std::move(wired_);
}

}  // namespace

Stages connect(const model::Graph& executed, const model::Output& output, const Layout& layout,
               const Buffers& buffers) {
  const int data = executed.find("data");
  require(data >= 0, ErrorKind::kData, "the network has no input called data");
  std::vector<bool> is_needed(executed.nodes.size());
  is_needed[static_cast<size_t>(output.logits)] = true;
  for (size_t node = executed.nodes.size(); node-- > 0;)
    if (is_needed[node])
      for (const auto& input : executed.nodes[node].inputs) is_needed[static_cast<size_t>(input.node)] = true;

  Wiring wiring(executed, layout, buffers);
  for (size_t node = 0; node < executed.nodes.size(); ++node)
    if (is_needed[node] && executed.nodes[node].op != "null") wiring.add(static_cast<int>(node));
  Stages wired = wiring.finish(output.logits);
  wired.data = data;
  return wired;
}

}  // namespace lockstep::nn
