#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "lockstep/data/loader.h"
#include "lockstep/data/rank_sampler.h"

namespace lockstep::data {

/// A thread that walks through the sampler's order some batches before a loader does, and tells the dataset which of
/// this rank's samples will be read. It has a sampler of its own, which holds another epoch's order for a while.
class LookAhead {
 public:
  /// Begins at that batch; the references must outlive it.
  LookAhead(const Dataset& dataset, const LoaderOptions& options, RankSampler order, int64_t epoch, int64_t batch);
  ~LookAhead();
  LookAhead(const LookAhead&) = delete;
  LookAhead& operator=(const LookAhead&) = delete;

  /// The loader has begun one batch more. Never waits for the thread's work.
  void advance();

 private:
  void walk(int64_t epoch, int64_t batch);
  bool wait_for_turn(int64_t asked);
  void ask_for(const std::vector<int64_t>& ids) const;

  const Dataset& dataset_;
  const LoaderOptions& options_;
  RankSampler order_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t begun_ = 0;  // batches; guarded by mutex_
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace lockstep::data
