#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lockstep/comm/communicator.h"
#include "lockstep/config/load.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/sampler.h"

namespace lockstep::train {

/// The data of a run, opened and counted.
struct Data {
  std::unique_ptr<data::Dataset> train, validation;  ///< validation may be null
  std::vector<int> train_map, validation_map;        ///< their labels in those of the run; empty: the same
  DatasetFacts facts;                                ///< of the training set, in the labels of the run
  data::Shards train_shards, validation_shards;      ///< empty where every host has all samples
};

/// The training set alone. All ranks.
Data open_train(const Config& config, int threads, comm::Communicator& communicator);

/// Classes get the labels that they have in this run: those of `names`, where they have names.
void name_classes(Data& data, const std::vector<std::string>& names);

/// The classes of the validation set are those of the run, by name where there are names. Data Error where it has more.
/// All ranks.
void open_validation(Data& data, const Config& config, int threads, comm::Communicator& communicator);

/// Usage Error on all ranks where one has other data than rank 0: they would train nonsense.
void compare_data(const Data& data, comm::Communicator& communicator);

}  // namespace lockstep::train
