#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include <mpi.h>

namespace lockstep::comm {

/// How far each rank has come, for a rank whose collective does not end. Nothing is sent before somebody asks.
///
/// A question is an empty message to every other rank; each answers with its number as soon as it polls. The thread
/// that calls MPI makes it, all ranks together, and calls poll() every few milliseconds; tell() and ask() are for any
/// thread.
class Survey {
 public:
  static constexpr int64_t kNoAnswer = -1;

  explicit Survey(MPI_Comm ranks);
  Survey(const Survey&) = delete;
  Survey& operator=(const Survey&) = delete;

  void tell(int64_t number) { own_ = number; }
  /// In rank order; kNoAnswer for a rank that does not answer within `limit`; empty where this rank could not even ask.
  /// The first call counts, and later ones have its answers.
  std::vector<int64_t> ask(std::chrono::milliseconds limit);

  /// Answers what has been asked, and asks what is wanted. Throws comm Errors with MPI's own words.
  void poll();
  /// Before MPI_Finalize.
  void close();

 private:
  void listen();
  void answer();
  void question_all();
  void collect();

  MPI_Comm ranks_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::atomic<int64_t> own_ = 0;
  MPI_Request question_ = MPI_REQUEST_NULL;
  std::deque<int64_t> given_;          // answers on their way, which nobody waits for
  std::vector<int64_t> arriving_;      // of each rank
  std::vector<MPI_Request> expected_;  // of each rank; none before this one asks

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> wanted_ = false;
  std::vector<int64_t> answers_;  // empty before this rank asks
  std::atomic<bool> complete_ = false;
};

}  // namespace lockstep::comm
