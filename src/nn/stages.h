#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "layout.h"
#include "lockstep/model/network.h"
#include "operators.h"

namespace lockstep::nn {

/// The flat memory of a network, as Layout divides it.
struct Buffers {
  at::Tensor parameters, gradients, statistics;
  at::Tensor working_copy;  ///< of the parameters in 16 bits; undefined in float32
};

/// A node between `data` and the logits.
struct Stage {
  int node = 0;
  const Kernel* kernel = nullptr;
  std::vector<int> inputs;       ///< nodes whose outputs it reads
  std::vector<size_t> segments;  ///< whose gradients its backward finishes
  int64_t finished_end = 0;      ///< the flat gradient is final up to here once this node's backward is done
  bool has_backward = false;     ///< a parameter here or below is trained
  NodeRun run;
};

/// A graph made ready to run: what stands in it beside the way to the logits is left out.
struct Stages {
  std::vector<Stage> stages;  ///< in node order
  std::vector<int> readers;   ///< of each node's output, the caller among those of the logits
  int data = 0;               ///< the node of the pictures
};

/// Throws kData where there is no input called data, or where two nodes share a parameter.
Stages connect(const model::Graph& executed, const model::Output& output, const Layout& layout, const Buffers& buffers);

}  // namespace lockstep::nn
