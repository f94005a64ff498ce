#pragma once

#include <cstdint>
#include <string>

#include "lockstep/comm/communicator.h"
#include "lockstep/nn/network.h"

namespace c10 {
class Error;
}

namespace lockstep::train {

/// Bytes that a training step holds for each sample that passes the network at once, as measured: what backward needs,
/// and its own results on the way down.
double bytes_per_sample(const model::Facts& facts, nn::Precision precision);

/// `run.micro_batch` as samples that pass at once, at most the rank's share of a batch, 0 for all of it. "auto": the
/// share, halved until it fits into this rank's part of the memory and a trial step goes through; all ranks take the
/// smallest answer. Device Error where not one sample fits.
int64_t choose_micro_batch(const std::string& setting, nn::Network& network, nn::Precision precision, int64_t share,
                           comm::Communicator& communicator);

/// Throws a device Error that names rank, samples and bytes, and a run.micro_batch that should fit, where the error
/// says that memory is exhausted; returns otherwise.
void explain_out_of_memory(const c10::Error& error, const nn::Network& network, const comm::Launch& launch,
                           int64_t samples);

}  // namespace lockstep::train
