#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "job.h"
#include "journal.h"
#include "lockstep/data/loader.h"
#include "lockstep/model/artefact.h"
#include "lockstep/optim/schedule.h"
#include "lockstep/track/metrics.h"
#include "rank_watch.h"
#include "saver.h"
#include "step.h"
#include "stop_wish.h"

namespace lockstep::train {

/// Repeats the step until done, and decides when to evaluate, save and stop. One a rank; only rank 0 writes files.
class Trainer {
 public:
  Trainer(Job& job, StopWish& wish, comm::Communicator& communicator);

  enum class End {
    kFinished,  ///< the last epoch, or an early stop: every file of the run is there
    kStopped,   ///< asked to stop: a checkpoint holds all that was done
    kNewBatch   ///< the next epoch has another global batch: set_batch() and another Trainer
  };
  /// From where the job's state stands. A comm Error says at which step it came; every Error has been told to the other
  /// ranks when it is thrown.
  End run();
  bool done() const;
  bool got_on() const { return got_on_; }  ///< a checkpoint behind the step that this began at is complete

 private:
  End train();
  void train_epoch();
  void evaluate_epoch();
  void leave_early();
  void finish();

  double learning_rate() const;
  void count(const StepResult& result);
  void require_applied(const StepResult& result);
  void watch_ranks();
  bool is_save_due(int64_t step) const;
  void save();
  void end_save(bool waits);
  void write(std::string& failure, const std::function<void()>& action);
  void publish_model(bool keep_others);
  model::Artefact artefact() const;
  void pack_model() const;
  bool changes_batch() const;
  model::Card card() const;  ///< of the weights as they are now
  bool leads() const { return communicator_.rank() == 0; }

  using Clock = std::chrono::steady_clock;
  Job& job_;
  State& state_;
  StopWish& wish_;
  comm::Communicator& communicator_;
  const Hyperparameters& hyperparameters_;
  const Path output_;
  optim::Schedule schedule_;
  Step step_;
  data::Loader loader_;
  Journal journal_;
  RankWatch watch_;
  Saver saver_;                          ///< rank 0
  std::string unsaved_, unpublished_;    ///< why the last checkpoint, the best model are not on the disk
  double stalled_ = 0;                   ///< by the save under way
  std::optional<track::Report> report_;  ///< of the last validation
  Clock::time_point start_, saved_, counted_;
  double waited_ = 0;      ///< for other ranks, when the last step was counted
  int64_t images_ = 0;     ///< trained since this start
  bool stopping_ = false;  ///< a rank wants to stop, and all know
  bool got_on_ = false;
};

}  // namespace lockstep::train
