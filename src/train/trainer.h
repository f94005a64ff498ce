#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "job.h"
#include "lockstep/data/loader.h"
#include "lockstep/optim/schedule.h"
#include "lockstep/track/events.h"
#include "lockstep/track/metrics.h"
#include "step.h"

namespace lockstep::train {

/// Sums of an epoch's steps, over all ranks.
struct EpochSums {
  int64_t batches = 0, count = 0;
  double loss = 0, correct = 0, correct_top_k = 0;
  void add(const StepResult& result);
  double accuracy() const { return correct / static_cast<double>(count); }
  double top_k_accuracy() const { return correct_top_k / static_cast<double>(count); }
  double cross_entropy() const { return loss / static_cast<double>(count); }
};

/// Repeats the step until done, and decides when to evaluate, log, save and stop. One a rank; only rank 0 writes files.
class Trainer {
 public:
  Trainer(Job& job, comm::Communicator& communicator);
  ~Trainer();

  /// From where the job's state stands to the last epoch, or to an early stop.
  void run();
  bool done() const;

 private:
  void train_epoch();
  void evaluate_epoch();
  void save();
  void finish();

  void log_step(const StepResult& result, double learning_rate);
  void log_epoch(double seconds);
  void publish_model(bool keep_others);
  bool leads() const { return communicator_.rank() == 0; }
  double elapsed() const;  ///< seconds of training, over all starts

  Job& job_;
  comm::Communicator& communicator_;
  const Hyperparameters& hyperparameters_;
  const Path output_;
  optim::Schedule schedule_;
  Step step_;
  data::Loader loader_;
  EpochSums sums_;
  std::optional<track::Report> report_;  ///< of the last validation
  std::unique_ptr<track::EventLog> events_;  ///< rank 0
  std::chrono::steady_clock::time_point start_, epoch_start_;
  double seconds_before_;
  int64_t images_ = 0;  ///< trained since this start
};

}  // namespace lockstep::train
