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

/// Repeats the step until done, and decides when to evaluate, log, save and stop. One a rank; only rank 0 writes files.
class Trainer {
 public:
  Trainer(Job& job, comm::Communicator& communicator);
  ~Trainer();

  /// From where the job's state stands to the last epoch, or to an early stop. False when a signal stopped it before:
  /// then a checkpoint holds all that was done.
  bool run();
  bool done() const;

 private:
  void train_epoch();
  void evaluate_epoch();
  void save();
  void finish();

  void step(const data::HostBatch& batch);
  void log_step(const StepResult& result, double learning_rate);
  void log_epoch(double seconds);
  void publish_model(bool keep_others);
  model::Card card() const;  ///< of the weights as they are now
  bool leads() const { return communicator_.rank() == 0; }
  double elapsed() const;  ///< seconds of training, over all starts

  Job& job_;
  comm::Communicator& communicator_;
  const Hyperparameters& hyperparameters_;
  const Path output_;
  optim::Schedule schedule_;
  Step step_;
  data::Loader loader_;
  std::optional<track::Report> report_;      ///< of the last validation
  std::unique_ptr<track::EventLog> events_;  ///< rank 0
  std::chrono::steady_clock::time_point start_, epoch_start_;
  double seconds_before_;
  int64_t counted_before_ = 0;  ///< samples of this epoch that an earlier start trained
  int64_t images_ = 0;          ///< trained since this start
  bool stopping_ = false;       ///< a rank was asked to stop, and all know
};

}  // namespace lockstep::train
