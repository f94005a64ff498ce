#pragma once

#include "lockstep/model/card.h"
#include "lockstep/model/graph.h"

namespace lockstep::model {

/// Fills network and num_layers of the card when the graph is one of networks.def, under whatever name its last layer
/// goes; otherwise leaves them empty and 0. The card's channels, height and width must be set, and the graph must be a
/// classifier.
void recognise(const Graph& graph, Card& card);

}  // namespace lockstep::model
