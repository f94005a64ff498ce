#pragma once

#include <map>
#include <string>
#include <vector>

#include "lockstep/model/network.h"
#include "lockstep/nn/network.h"

namespace at {
class Tensor;
}

namespace lockstep::nn {

/// Where the parameters and statistics of a graph lie in the flat buffers.
struct Layout {
  std::vector<Segment> segments;            ///< parameters, in reverse node order
  std::vector<Segment> statistics;          ///< running means and variances, in graph order
  std::map<std::string, size_t> parameter;  ///< name -> segment
  std::map<std::string, size_t> statistic;
  int64_t parameter_count = 0, statistics_count = 0;
};
Layout make_layout(const model::Graph& graph, const model::Facts& facts);

/// A segment of a flat buffer as the tensor that its kernel wants: MXNet's shape, a convolution's weight in
/// channels_last memory.
at::Tensor view(const at::Tensor& flat, const Segment& segment);

}  // namespace lockstep::nn
