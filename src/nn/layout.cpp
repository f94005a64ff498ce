#include "layout.h"

#include <ATen/core/Tensor.h>

namespace lockstep::nn {

Layout make_layout(const model::Graph& graph, const model::Facts& facts) {
  std::vector<std::vector<const model::Parameter*>> of_node(graph.nodes.size());
  for (const model::Parameter& parameter : facts.parameters)
    of_node[static_cast<size_t>(parameter.node)].push_back(&parameter);

  Layout layout;
  const auto append = [](std::vector<Segment>& segments, int64_t& total, const model::Parameter& parameter) {
    const int64_t begin = total;
    total += model::count(parameter.shape);
    segments.push_back({.name = parameter.name,
                        .begin = begin,
                        .end = total,
                        .shape = parameter.shape,
                        .channels_last = parameter.shape.size() == 4,
                        .decays = parameter.decays(),
                        .fixed = parameter.fixed});
  };
  for (size_t node = graph.nodes.size(); node-- > 0;)
    for (const model::Parameter* parameter : of_node[node]) {
      if (parameter->auxiliary) continue;
      layout.parameter[parameter->name] = layout.segments.size();
      append(layout.segments, layout.parameter_count, *parameter);
    }
  for (const model::Parameter& parameter : facts.parameters) {
    if (!parameter.auxiliary) continue;
    layout.statistic[parameter.name] = layout.statistics.size();
    append(layout.statistics, layout.statistics_count, parameter);
  }
  return layout;
}

at::Tensor view(const at::Tensor& flat, const Segment& segment) {
  const at::Tensor values = flat.narrow(0, segment.begin, segment.end - segment.begin);
  if (!segment.channels_last) return values.view(segment.shape);
  const auto& s = segment.shape;
  return values.view({s[0], s[2], s[3], s[1]}).permute({0, 3, 1, 2});
}

}  // namespace lockstep::nn
