#pragma once

#include "job.h"

namespace lockstep::train {

/// What a run prints before its first step (rank 0): origins, notes, the machine, and SageMaker's `---- Parameters
/// ----` block.
void announce(const Job& job);

/// `--dry-run`: the merged configuration, the network's size, steps an epoch and the memory expected.
std::string plan_text(const Job& job);

}  // namespace lockstep::train
