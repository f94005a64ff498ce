#pragma once

#include "lockstep/comm/communicator.h"
#include "lockstep/config/load.h"

namespace lockstep::train {

/// One rank of a run from its configuration to its last file. All ranks call it; rank 0 alone prints and writes.
/// Returns the exit code: 0, or 75 when a signal stopped it behind a complete checkpoint.
int run_rank(const LoadedConfig& loaded, bool dry_run, comm::Communicator& communicator);

}  // namespace lockstep::train
