#pragma once

#include <future>
#include <optional>

#include "lockstep/model/checkpoint.h"

namespace lockstep::train {

/// Data Error naming the first array with a value that is not finite: the run that would go on from it, or the model
/// that would hold it, is of no use. float32 alone is looked at.
void require_finite(const model::Arrays& arrays, int64_t step);

/// Writes checkpoints in the background, one at a time, from snapshots that it is given. One thread calls.
class Saver {
 public:
  struct Saved {
    int64_t step = 0;
    Path path;
    double seconds = 0;  ///< that writing took
  };

  /// keep: as model::checkpoint::save() takes it.
  Saver(Path folder, int64_t keep);
  /// Waits for a save that is under way, and logs its Error.
  ~Saver();
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;

  /// Begins to write and returns. Nothing may be under way: finish() first. Memory: one snapshot until it is written.
  /// One that is not finite is not written.
  void start(int64_t step, model::checkpoint::Content content, std::vector<int64_t> protect);
  bool is_under_way() const { return running_.valid(); }
  /// The save that has ended since, if any, without waiting; throws its Error.
  std::optional<Saved> poll();
  /// The same, waiting for it.
  std::optional<Saved> finish();

 private:
  Path folder_;
  int64_t keep_;
  std::future<Saved> running_;
};

}  // namespace lockstep::train
