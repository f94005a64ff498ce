#pragma once

#include "lockstep/model/graph.h"

namespace lockstep::nn {

/// The same function in fewer nodes, for the executor alone: what is exported stays the graph that was given.
/// Parameters keep their names.
model::Graph fuse(const model::Graph& graph);

}  // namespace lockstep::nn
