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
  int64_t parameter_size = 0, statistics_size = 0;  ///< P and S: elements of the buffers, with the zeros between
};
Layout make_layout(const model::Graph& graph, const model::Facts& facts);

/// A segment of a flat buffer as the tensor that its kernel wants: MXNet's shape, a convolution's weight in
/// channels_last memory.
at::Tensor view(const at::Tensor& flat, const Segment& segment);

/// One NCHW tensor in the chain makes every later kernel transpose what it reads: a bug Error that names the node.
/// what: "output", "gradient".
void require_channels_last(const at::Tensor& tensor, const model::Node& node, const char* what);

}  // namespace lockstep::nn
