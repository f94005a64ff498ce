#pragma once

#include <cstdint>

#include "lockstep/core/file.h"

namespace lockstep::train {

/// Counts starts that never got past the step they began at, in `attempts.json` of the run's folder, so that a
/// scheduler which starts a failing run again and again comes to an end. Rank 0 alone.
class Attempts {
 public:
  static constexpr int64_t kMost = 3;

  explicit Attempts(const Path& output);

  /// A start that begins at this step. Returns the starts before it that began there and failed; at kMost the run
  /// should give up.
  int64_t begin(int64_t step);
  /// It got on: a checkpoint behind that step is complete, or it ended as it should.
  void succeed();
  const Path& file() const { return file_; }

 private:
  Path file_;
};

}  // namespace lockstep::train
