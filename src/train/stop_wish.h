#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "lockstep/config/config.h"

namespace lockstep::train {

/// "90s", "45m", "3h30m", "2d", Slurm's "1-12:00:00", "12:00:00": seconds. Nothing for anything else.
std::optional<double> parse_duration(std::string_view text);

/// Whether this rank wants the run to save and stop: a signal came, its time is nearly up, or its machine will be taken
/// away. Ranks agree on it with the exchange of the next step.
///
/// The time ends at `run.time_limit` after the process began, or at Slurm's limit of the job (SLURM_JOB_END_TIME, or
/// what squeue says to rank 0), whichever is first. `run.preemption_notice` is looked at every five seconds, by a
/// thread of its own: a path is a notice when it exists, a text with blanks when the shell command succeeds.
class StopWish {
 public:
  /// Usage Error for a time_limit that cannot be read.
  explicit StopWish(const Run& run);
  ~StopWish();
  StopWish(const StopWish&) = delete;
  StopWish& operator=(const StopWish&) = delete;

  /// A step and a save that follow now take about this long: the time left must not be less than twice that.
  void expect(double seconds) { reserve_ = 2 * seconds; }
  /// Never waits. True stays true.
  bool wants();
  const std::string& reason() const { return reason_; }  ///< "a signal", "run.time_limit", ...; empty: no wish

 private:
  using Clock = std::chrono::system_clock;
  void watch(const std::string& notice);

  std::optional<Clock::time_point> end_;
  std::string end_name_, reason_;
  double reserve_ = 0;
  std::atomic<bool> noticed_ = false, leaving_ = false;
  std::thread watcher_;
};

}  // namespace lockstep::train
