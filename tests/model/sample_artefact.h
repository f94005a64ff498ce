#pragma once

#include <string>

#include "lockstep/model/artefact.h"
#include "lockstep/model/network.h"

namespace lockstep::test {

/// A resnet_v2 with its initial weights.
inline model::Artefact sample_artefact(
    const model::NetworkOptions& options = {.num_layers = 20, .classes = 2, .height = 28, .width = 28},
    int64_t epoch = 1) {
  model::Artefact artefact;
  artefact.graph = model::make_network("resnet_v2", options);
  artefact.epoch = epoch;
  artefact.batch = 16;
  artefact.card.network = "resnet_v2";
  artefact.card.num_layers = options.num_layers;
  artefact.card.channels = options.channels;
  artefact.card.height = options.height;
  artefact.card.width = options.width;
  artefact.card.multi_label = options.multi_label;
  artefact.card.stretch = true;
  uint64_t position = 0;
  for (const model::Parameter& parameter :
       model::infer(artefact.graph, {1, options.channels, options.height, options.width}).parameters) {
    std::vector<float> values(static_cast<size_t>(model::count(parameter.shape)));
    model::initialise(parameter, 1, position++, values);
    artefact.arrays.push_back(
        model::float_array((parameter.auxiliary ? "aux:" : "arg:") + parameter.name, parameter.shape, values.data()));
  }
  return artefact;
}

}  // namespace lockstep::test
