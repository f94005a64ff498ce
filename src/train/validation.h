#pragma once

#include <functional>
#include <optional>

#include "lockstep/comm/communicator.h"
#include "lockstep/data/loader.h"
#include "lockstep/model/card.h"
#include "lockstep/nn/network.h"
#include "lockstep/track/metrics.h"

namespace lockstep::train {

/// Every sample of the loader's epoch once, its share on each rank, through the network in kEvaluate; afterwards
/// `metrics` holds the sums of all ranks on every rank. Returns the samples that could not be read, over all ranks;
/// nothing when a rank wanted to stop, which is asked after each batch. Data Error when a logit is not finite.
std::optional<int64_t> validate(nn::Network& network, data::Loader& loader, comm::Communicator& communicator,
                                const model::Card& card, track::Metrics& metrics,
                                const std::function<bool()>& wants_stop = {});

/// What validate() reads: the whole dataset in order, no randomness.
data::SamplerOptions validation_order(const data::Dataset& dataset, int64_t global_batch, data::Shards shards = {});

}  // namespace lockstep::train
