#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/core/file.h"

namespace lockstep::train {

/// What `lockstep bench-step` was asked for.
struct BenchStepOptions {
  Path config;
  std::vector<std::string> overrides;
  int64_t threads = 0;  ///< 0: as training would choose
  int64_t steps = 20;   ///< measured, after as many as it takes to warm up
};

/// Images per second of the whole run: synthetic batches through forward, loss, backward, exchange and update.
struct StepSpeed {
  double images_per_second = 0;  ///< over all ranks; median step
  double step_seconds = 0;       ///< median
  int64_t global_batch = 0;
  int ranks = 1;
  int threads = 1;              ///< of this rank
  double flops_per_second = 0;  ///< forward and backward counted as three forwards, over all ranks
};
StepSpeed measure_step(const BenchStepOptions& options);

}  // namespace lockstep::train
