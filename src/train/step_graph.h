#pragma once

#include <functional>
#include <optional>
#include <string>

#include <ATen/core/Tensor.h>

#include "gpu.h"
#include "learner.h"
#include "lockstep/comm/communicator.h"
#include "lockstep/config/config.h"

namespace lockstep::train {

using Work = std::function<void()>;
using Record = std::function<Recording(const Work& work)>;

/// How the steps of a run are recorded: as CUDA graphs on a GPU. Empty where they are not: on a CPU, with
/// run.gpu_step: plain, and where a rank may compute another number of samples than it did before without the others'
/// knowledge (run.skip_bad_records, hosts with data of their own); says so on a GPU.
Record choose_record(const Run& run, int gpu, bool has_shards);

/// Repeats a step by a recording of it, once that is known to do the same. One thread.
///
/// The first full steps are done as they are, then one is recorded, and at the next both ways are done from the same
/// state and compared: gradients, figures, and what they made of weights, statistics, moments, averages and loss scale,
/// within 5 %. From then on full steps are replayed and all others are done as they are. Where a rank cannot record, or
/// sees a difference, all ranks go on without a recording, and rank 0 warns once. A step whose gradient or figures are
/// not finite proves nothing; the next one is compared.
///
/// What is recorded must read and write the same memory each time. All ranks call alike.
class StepGraph {
 public:
  static constexpr int kStepsBefore = 3;  ///< the recording: they find the memory and the algorithms that it needs

  /// figures: what the step leaves there must be the same both ways.
  StepGraph(Record record, Learner& learner, comm::Communicator& communicator, at::Tensor figures);

  /// Does the step, which is `work`. is_full: it is of the kind that is recorded; the same on all ranks.
  void run(bool is_full, const Work& work);
  /// Whether it is known how full steps are done from now on.
  bool settled() const { return checked_ || !record_; }
  bool replays() const { return checked_; }

 private:
  void record(const Work& work);
  void check(const Work& work);
  void replay();
  bool agree(const std::string& failure);

  Record record_;  // empty: given up
  Learner& learner_;
  comm::Communicator& communicator_;
  at::Tensor figures_;
  int full_steps_ = 0;
  std::optional<Recording> recording_;
  bool checked_ = false;
};

}  // namespace lockstep::train
