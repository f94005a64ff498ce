#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lockstep/config/load.h"
#include "lockstep/model/artefact.h"
#include "lockstep/nn/network.h"

namespace lockstep::train {

/// What the card of a model says to resolve().
ModelFacts facts_of(const model::Card& card);

/// A model that somebody trained, with whose network and weights a run begins: that of channels.model, or the
/// pretrained weights of use_pretrained_model, whose last layer is always new.
class InitialModel {
 public:
  InitialModel(model::Artefact artefact, bool is_pretrained)
      : artefact_(std::move(artefact)), is_pretrained_(is_pretrained) {}

  ModelFacts facts() const;
  /// The classes of the run: the data's, and where they have none the model's. With run.grow_classes the model's,
  /// followed by those of the data that it does not know. Names; empty where nobody knows any.
  std::vector<std::string> classes(const Run& run, const std::vector<std::string>& data) const;
  /// Its network, with the last layer that the resolved configuration asks for.
  model::Graph graph(const Config& config) const;
  /// Weights and statistics by name. The last layer's rows follow their classes where both sides have the same names,
  /// or run.grow_classes asks for it; where the classes differ it keeps the network's new weights. What was taken and
  /// what was not goes to `notes`. Data Error where something else does not fit.
  void load_into(nn::Network& network, const Run& run, const std::vector<std::string>& classes,
                 std::vector<std::string>& notes) const;

 private:
  std::vector<int> rows(const Run& run, int64_t count, const std::vector<std::string>& classes) const;

  model::Artefact artefact_;
  bool is_pretrained_;
};

/// By channels.model, use_pretrained_model and run.pretrained. Nothing: the run begins with new weights. Usage Error
/// that says which file of pretrained weights is wanted and where to put it.
std::optional<InitialModel> open_initial_model(const Config& config);

}  // namespace lockstep::train
