#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "feed.h"
#include "gpu.h"
#include "learner.h"
#include "lockstep/comm/communicator.h"
#include "lockstep/data/loader.h"
#include "lockstep/model/card.h"
#include "lockstep/nn/loss.h"
#include "reducer.h"

namespace lockstep::train {

/// What one step did, summed over all ranks, and the batch it did it with.
struct StepResult {
  data::HostBatch batch;  ///< this rank's part
  double learning_rate = 0;
  int64_t count = 0;   ///< samples
  double loss = 0;     ///< sum over samples
  double correct = 0;  ///< samples; multi-label: right labels / labels
  double correct_top_k = 0;
  double gradient_norm = 0;  ///< of the mean over the batch, before it was clipped
  double loss_scale = 1;     ///< that the step was done with
  bool applied = true;       ///< false: loss or gradient is not finite, or no sample was there; nothing changed
  int64_t stop_votes = 0;    ///< ranks that want to stop
};

/// What a step needs to know beside the batch.
struct StepOptions {
  int64_t global_batch = 1;  ///< nominal: full batches
  int64_t micro_batch = 0;   ///< samples of this rank that pass the network at once; 0: all
  nn::Mode mode = nn::Mode::kTrain;
  bool multi_label = false;
  nn::LossOptions loss;  ///< without nominal
  double clip_gradient_norm = 0;
  model::Card card;  ///< how pictures become input
  int top_k = 1;
  int64_t bucket_bytes = int64_t{25} << 20;
};

/// The training step: forward, loss, backward with the exchange behind it, update. One thread. On a GPU start() only
/// enqueues, so that the host prepares the next step while this one runs.
class Step {
 public:
  Step(Learner& learner, comm::Communicator& communicator, StepOptions options);

  /// All ranks together, each with its own part of the same global batch.
  void start(const data::HostBatch& batch, double learning_rate, bool vote_stop = false);
  /// Steps that were started and not taken.
  int64_t in_flight() const { return static_cast<int64_t>(running_.size()); }
  /// How many may be in flight when the next one is started: 0 on a CPU.
  int64_t depth() const;
  /// The result of the oldest step in flight; waits for it.
  StepResult take();

  const Reducer& reducer() const { return reducer_; }

 private:
  struct Running {
    StepResult result;
    Readback figures;
  };
  void compute(const data::HostBatch& batch);
  void compute_part(const data::HostBatch& part, bool first, bool last);
  void finish(double learning_rate);
  void keep_statistics(const at::Tensor& apply);

  Learner& learner_;
  nn::Network& network_;
  comm::Communicator& communicator_;
  StepOptions options_;
  Feed feed_;
  Reducer reducer_;
  at::Tensor statistics_before_;  // what a skipped step goes back to
  at::Tensor figures_;            // of the step being enqueued: trailer, control, norm, scale
  std::deque<Running> running_;
};

}  // namespace lockstep::train
