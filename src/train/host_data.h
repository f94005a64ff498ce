#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lockstep/comm/communicator.h"
#include "lockstep/config/load.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/sampler.h"

namespace lockstep::train {

/// What a channel holds, as one rank reads it.
struct HostData {
  std::unique_ptr<data::Dataset> dataset;  ///< of all hosts' samples; the other hosts' cannot be read
  DatasetFacts facts;                      ///< of all hosts together
  data::Shards shards;                     ///< empty where every host has all of it
};

/// Opens and counts a channel. With distribution: ShardedByS3Key on several hosts each host reads its own files; where
/// all of them see the same ones (a shared disk), every n-th file is one host's. All ranks together. Data Error where
/// two ranks of one host see different data.
HostData open_host_data(data::DatasetOptions options, int threads, int64_t skip_bad, comm::Communicator& communicator);

}  // namespace lockstep::train
