#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "feed.h"
#include "gpu.h"
#include "learner.h"
#include "lockstep/comm/communicator.h"
#include "lockstep/data/loader.h"
#include "lockstep/model/card.h"
#include "lockstep/nn/loss.h"
#include "reducer.h"
#include "step_graph.h"

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
  Record record;  ///< of full batches, which all ranks then know to be full; empty: each step is done anew
};

/// The training step: forward, loss, backward with the exchange behind it, update. One thread. On a GPU start() only
/// enqueues, so that the host prepares the next step while this one runs; and with options.record it launches full
/// steps as one (StepGraph), but for networks that draw at random. A Step dies before its communicator.
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
  const Feed& feed() const { return feed_; }
  /// Whether the next full steps are done in the way that all later ones are.
  bool settled() const { return !graph_ || graph_->settled(); }
  /// From now on no step is replayed, so that the parts of one can be timed. All ranks together.
  void stop_replaying() { replays_ = false; }

 private:
  struct Running {
    StepResult result;
    Readback figures;
  };
  void perform(const data::HostBatch& batch);
  void compute(const data::HostBatch& batch);
  void compute_part(const data::HostBatch& batch, int64_t begin, int64_t end);
  Feed::Batch input(const data::HostBatch& batch, int64_t begin, int64_t end);
  void finish();
  void keep_statistics(const at::Tensor& apply);

  Learner& learner_;
  nn::Network& network_;
  comm::Communicator& communicator_;
  StepOptions options_;
  Feed feed_;
  Reducer reducer_;
  at::Tensor statistics_before_;  // what a skipped step goes back to
  at::Tensor numbers_;            // double: what the host gives to a step
  at::Tensor figures_;            // of the step being enqueued
  std::optional<StepGraph> graph_;
  bool replays_ = true;
  std::deque<Running> running_;
};

}  // namespace lockstep::train
