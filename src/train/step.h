#pragma once

#include <cstdint>
#include <vector>

#include "lockstep/comm/communicator.h"
#include "lockstep/data/loader.h"
#include "lockstep/model/card.h"
#include "lockstep/nn/loss.h"
#include "lockstep/nn/network.h"
#include "lockstep/optim/optimizer.h"
#include "reducer.h"

namespace lockstep::train {

/// What one step did, summed over all ranks.
struct StepResult {
  int64_t count = 0;   ///< samples
  double loss = 0;     ///< sum over samples
  double correct = 0;  ///< samples; multi-label: right labels / labels
  double correct_top_k = 0;
  bool finite = true;      ///< false: the loss is not a number and the weights are untouched
  int64_t stop_votes = 0;  ///< ranks that want to stop after this step
};

/// What a step needs to know beside the batch.
struct StepOptions {
  int64_t global_batch = 1;  ///< nominal: full batches
  nn::Mode mode = nn::Mode::kTrain;
  bool multi_label = false;
  nn::LabelWeights weights;  ///< empty unless use_weighted_loss
  model::Card card;          ///< how pictures become input
  int top_k = 1;
  int64_t bucket_bytes = int64_t{25} << 20;
};

/// The training step: forward, loss, backward with the exchange behind it, update. One thread.
class Step {
 public:
  Step(nn::Network& network, optim::Optimizer& optimizer, comm::Communicator& communicator, StepOptions options);

  /// All ranks together, each with its own part of the same global batch.
  StepResult run(const data::HostBatch& batch, double learning_rate, bool vote_stop = false);

  double seconds_waited() const { return reducer_.seconds_waited(); }  ///< for the exchange, so far

 private:
  void compute(const data::HostBatch& batch);
  void set_trailer(const data::HostBatch& batch, const at::Tensor& logits, const at::Tensor& labels, double loss);
  StepResult read_trailer() const;

  nn::Network& network_;
  optim::Optimizer& optimizer_;
  comm::Communicator& communicator_;
  StepOptions options_;
  Reducer reducer_;
};

}  // namespace lockstep::train
