#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/comm/communicator.h"
#include "lockstep/config/load.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/sampler.h"
#include "lockstep/image/plan.h"
#include "lockstep/model/card.h"
#include "lockstep/nn/network.h"
#include "lockstep/optim/optimizer.h"
#include "state.h"

namespace lockstep::train {

/// The data of a run, opened and counted.
struct Data {
  std::unique_ptr<data::Dataset> train, validation;  ///< validation may be null
  std::vector<int> validation_map;                   ///< its labels in the training set's; empty: the same
  DatasetFacts facts;                                ///< of the training set
};

/// Everything that exists before the first step: one rank's view of a run.
struct Job {
  Config config;  ///< resolved
  comm::Launch launch;
  Data data;
  model::Card card;
  std::unique_ptr<nn::Network> network;
  std::unique_ptr<optim::Optimizer> optimizer;
  State state;
  std::vector<std::string> notes;  ///< what the user should be told: warnings first come first

  int64_t global_batch() const { return config.hyperparameters.mini_batch_size * launch.hosts(); }
  data::SamplerOptions order;  ///< of the training samples
  int64_t steps_per_epoch = 0;
  int threads = 1;  ///< of this rank, for the network
  int loader_threads = 1;
  image::PlanOptions plan(bool training) const;
};

/// Opens data, resolves the configuration, builds the network and loads what it starts from: the model channel, or the
/// run's own last checkpoint. All ranks; throws on all of them when they were started on different configurations or
/// data.
Job prepare(const LoadedConfig& loaded, comm::Communicator& communicator);

/// The cores that are this rank's alone: its affinity mask, or its part of the host where all ranks may run everywhere.
int cores_of_rank(const comm::Launch& launch);

}  // namespace lockstep::train
