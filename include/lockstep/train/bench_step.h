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
  int64_t threads = 0;   ///< 0: as training would choose
  int64_t steps = 20;    ///< measured, after as many as it takes to warm up
  bool details = false;  ///< measures parts and peak as well, in steps of their own
};

/// Where the time of a step goes: all nodes of one operator, or one node. Seconds of one step.
struct StepPart {
  std::string name;
  int64_t nodes = 0;
  double forward = 0, backward = 0;
};

/// Images per second of the whole run: synthetic batches through forward, loss, backward, exchange and update.
struct StepSpeed {
  double images_per_second = 0;  ///< over all ranks; median step
  double step_seconds = 0;       ///< median
  int64_t global_batch = 0;
  int ranks = 1;
  int threads = 1;              ///< of this rank
  double flops_per_second = 0;  ///< forward and backward counted as three forwards as they are defined, over all ranks
  std::string precision;        ///< float32, bfloat16, float16

  // With details. Parts are those of the shortest of a few steps, on this rank.
  std::vector<StepPart> operators;  ///< the longest first
  std::vector<StepPart> nodes;      ///< the ten longest
  double update_seconds = 0;
  double exchange_seconds = 0;  ///< that backward did not hide
  double other_seconds = 0;     ///< pixels to input, loss, figures
  // Sums over the ranks, all measured at once after the steps; 0 on a GPU, and where it is not known.
  double peak_flops_per_second = 0;  ///< of multiplications in this precision
  double peak_bytes_per_second = 0;  ///< read and written by a copy in memory
};
StepSpeed measure_step(const BenchStepOptions& options);

}  // namespace lockstep::train
