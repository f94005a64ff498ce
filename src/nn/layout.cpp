#include "layout.h"

#include <ATen/core/Tensor.h>

#include "lockstep/core/error.h"

namespace lockstep::nn {

namespace {

constexpr int64_t kAlignment = 32;  // elements: 64 bytes of a 16-bit copy; tensor cores and vector loads want 16

}  // namespace

Layout make_layout(const model::Graph& graph, const model::Facts& facts) {
  std::vector<std::vector<const model::Parameter*>> of_node(graph.nodes.size());
  for (const model::Parameter& parameter : facts.parameters)
    of_node[static_cast<size_t>(parameter.node)].push_back(&parameter);

  Layout layout;
  const auto append = [](std::vector<Segment>& segments, int64_t& total, const model::Parameter& parameter) {
    const int64_t begin = total, end = begin + model::count(parameter.shape);
    total = (end + kAlignment - 1) / kAlignment * kAlignment;
    segments.push_back({.name = parameter.name,
                        .begin = begin,
                        .end = end,
                        .shape = parameter.shape,
                        .channels_last = parameter.shape.size() == 4,
                        .decays = parameter.decays(),
                        .fixed = parameter.fixed});
  };
  for (size_t node = graph.nodes.size(); node-- > 0;)
    for (const model::Parameter* parameter : of_node[node]) {
      if (parameter->auxiliary) continue;
      layout.parameter[parameter->name] = layout.segments.size();
      append(layout.segments, layout.parameter_size, *parameter);
    }
  for (const model::Parameter& parameter : facts.parameters) {
    if (!parameter.auxiliary) continue;
    layout.statistic[parameter.name] = layout.statistics.size();
    append(layout.statistics, layout.statistics_size, parameter);
  }
  return layout;
}

at::Tensor view(const at::Tensor& flat, const Segment& segment) {
  const at::Tensor values = flat.narrow(0, segment.begin, segment.end - segment.begin);
  if (!segment.channels_last) return values.view(segment.shape);
  const auto& s = segment.shape;
  return values.view({s[0], s[2], s[3], s[1]}).permute({0, 3, 1, 2});
}

void require_channels_last(const at::Tensor& tensor, const model::Node& node, const char* what) {
  require(tensor.dim() != 4 || tensor.is_contiguous(at::MemoryFormat::ChannelsLast), ErrorKind::kBug, "node ",
          node.name, " (", node.op, "): its ", what, " is not in channels_last memory");
}

}  // namespace lockstep::nn
