#pragma once

#include "lockstep/model/array.h"
#include "lockstep/model/card.h"
#include "lockstep/model/graph.h"

namespace lockstep::model {

/// Sets the card's channels, height and width where no file tells them: of the usual sizes the first that gives the
/// parameters the shapes of the arrays. Leaves the card as it is where none does. A network that ends in global pooling
/// fits every size, so its own is lost.
void guess_input_size(const Graph& graph, const Arrays& arrays, Card& card);

}  // namespace lockstep::model
