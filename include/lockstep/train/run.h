#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::train {

/// What `lockstep train` was asked for.
struct RunOptions {
  Path config;                         ///< YAML, or SageMaker's hyperparameters.json
  std::vector<std::string> overrides;  ///< key=value
  bool dry_run = false;                ///< check everything, print the plan, train nothing
  int64_t rehearsed_batches = 0;       ///< train that many, evaluate, save, load, print one line; no run is begun
};

/// One rank of a run, from the configuration to the exit code: 0 when the run is finished (also when there was nothing
/// left to do), 75 when a signal stopped it behind a complete checkpoint. Throws the Error that ended it, after the
/// other ranks were told.
int run(const RunOptions& options);

}  // namespace lockstep::train
