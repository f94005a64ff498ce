#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "job.h"
#include "lockstep/track/events.h"
#include "lockstep/track/metrics.h"
#include "saver.h"
#include "step.h"

namespace lockstep::train {

/// What a run tells of itself: SageMaker's lines and metrics.jsonl. Rank 0's alone speaks; the others' stay silent.
class Journal {
 public:
  /// Goes on behind the step that the job's state stands at.
  Journal(const Job& job, bool leads);

  void begin_epoch(const Step& step, const data::Loader& loader);
  void step(const StepResult& result);
  /// Of the epoch that ended: the state counts it already and still has its sums.
  void epoch(const Step& step, const data::Loader& loader);
  void validation(const track::Report& report, bool is_best);
  void model(const Path& folder);
  void checkpoint(const Saver::Saved& saved, double seconds_stalled);
  void stop(const std::string& reason);

  double elapsed() const;  ///< seconds of training, over all starts

 private:
  using Clock = std::chrono::steady_clock;
  track::Event event(const std::string& name) const;  ///< with epoch, step and seconds
  double images_per_second() const;                   ///< of the epoch, by this start
  static data::LoaderTimes times_of(const Step& step, const data::Loader& loader);
  void exchange(const Reducer& reducer, track::Event& event);
  void input(const data::LoaderTimes& times, track::Event& event);

  const Job& job_;
  const Hyperparameters& hyperparameters_;
  std::unique_ptr<track::EventLog> events_;  // rank 0
  Clock::time_point start_, epoch_start_;
  double seconds_before_;                            // of earlier starts
  int64_t counted_before_ = 0;                       // samples of this epoch that an earlier start trained
  double exchanged_before_ = 0, waited_before_ = 0;  // seconds of the exchange, before this epoch
  data::LoaderTimes loaded_before_;                  // before this epoch
};

}  // namespace lockstep::train
