#pragma once

#include <cstdint>
#include <string>

#include "learner.h"
#include "lockstep/comm/communicator.h"
#include "lockstep/model/checkpoint.h"

namespace lockstep::train {

/// Sums over the steps of an epoch so far, over all ranks.
struct EpochSums {
  int64_t batches = 0;  ///< taken
  int64_t count = 0;    ///< samples
  double loss = 0, correct = 0, correct_top_k = 0;
  double accuracy() const { return correct / static_cast<double>(count); }
  double top_k_accuracy() const { return correct_top_k / static_cast<double>(count); }
  double cross_entropy() const { return loss / static_cast<double>(count); }
};

/// Where a run stands between two steps, beside weights and moments. Everything else is a function of the step.
struct State {
  int64_t epoch = 0;               ///< epochs finished
  EpochSums sums;                  ///< of the epoch that has begun
  bool evaluation_due = false;     ///< of the epoch that ended last
  int64_t step = 0;                ///< global batches taken
  int64_t global_batch = 0;        ///< samples of a step of the epoch that has begun, or begins
  int64_t first_global_batch = 0;  ///< that the run began with, which learning_rate is meant for
  int64_t skipped = 0;             ///< of them, not applied: their gradients were not finite
  int64_t skipped_in_a_row = 0;
  double best_accuracy = -1;  ///< validation; -1: none yet
  int64_t best_epoch = 0;     ///< 1-based
  int64_t best_step = 0;      ///< behind it
  int64_t stalled = 0;        ///< epochs in a row without enough improvement, for early stopping
  double seconds = 0;         ///< spent training, over all starts
};

/// All that the run needs to go on, for model::checkpoint::save().
model::checkpoint::Content to_checkpoint(const State& state, Learner& learner, const std::string& config_yaml,
                                         const std::string& card);

/// The opposite. Data Error naming what is missing or does not fit.
State from_checkpoint(const model::checkpoint::Content& content, Learner& learner);

/// Rank 0's state and all that learns to everybody, so that only rank 0 needs the files.
void share_state(State& state, Learner& learner, comm::Communicator& communicator);

}  // namespace lockstep::train
