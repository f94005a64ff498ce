#pragma once

#include <optional>

#include "job.h"

namespace lockstep::train {

/// The checkpoint that this run goes on from: `run.resume` and what lies in `run.output`, as rank 0 sees it. Usage Error where the
/// two contradict each other (must, and there is none; never, and there is one).
std::optional<Path> find_resume(const Config& config, comm::Communicator& communicator);

/// Goes on from that checkpoint, if there is one: weights, statistics, moments, state, on all ranks. Usage Error listing the changed keys
/// that a run may not change.
void resume(Job& job, comm::Communicator& communicator);

}  // namespace lockstep::train
