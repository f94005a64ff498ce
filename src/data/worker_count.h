#pragma once

#include "lockstep/data/loader.h"

namespace lockstep::data {

/// How many of a loader's threads work, as the load asks for it. See Loader.
class WorkerCount {
 public:
  /// Begins with `most`, and stays there unless `adapts`.
  WorkerCount(int most, bool adapts) : most_(most), active_(most), adapts_(adapts) {}

  int active() const { return active_; }
  /// What the last span was like, with active() threads at work.
  void observe(const LoaderTimes& span);

 private:
  int most_, active_;
  int least_ = 1;  // fewer were too few once
  bool adapts_;
};

}  // namespace lockstep::data
