#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <mpi.h>

#include "host_sum.h"
#include "shared_memory.h"
#include "survey.h"

namespace lockstep::comm {

/// MPI as this program uses it. One thread makes it and makes every call; it can be made once a process.
/// Every MPI error is a comm Error with MPI's own words.
///
/// Ranks of one host meet in shared memory; with several hosts each rank then sums its slice with its counterparts of
/// the other hosts. Hosts may have different numbers of ranks: the last ones then have no counterparts. Nothing waits
/// inside an MPI call: requests are polled, together with `check` and the notice of a rank that aborted, which end the
/// wait by throwing. A rank whose wait is long sleeps, so that it leaves its core to the computation.
class MpiWorld {
 public:
  /// MPI_Init_thread. usage Error when MPI's rank and size are not those of the launcher.
  MpiWorld(const Launch& expected, std::function<void()> check);
  MpiWorld(const MpiWorld&) = delete;
  MpiWorld& operator=(const MpiWorld&) = delete;

  const Launch& launch() const { return launch_; }
  int hosts() const { return hosts_; }

  void allreduce(Buffer buffer, Op op);
  void broadcast(Buffer buffer, int root);
  void allgather(Buffer mine, Buffer all);
  void barrier();
  /// The ranks of this host that have come less far than this one. Any thread.
  std::vector<int> behind() const;

  /// Throws the reason of a rank that aborted, and what the constructor's `check` throws. Also while nothing runs.
  void check();
  /// All ranks together: they answer each other from now on, whenever one of them checks.
  std::shared_ptr<Survey> open_survey();
  /// Sends the reason to every other rank, which throws it from its next check. Gives up after `limit`.
  void tell_all(const std::string& reason, std::chrono::milliseconds limit);
  /// Waits for all ranks, then MPI_Finalize. Nothing may be called afterwards.
  void finalize();

 private:
  void meet_host();
  void share_memory(Division division);
  void listen();
  void complete(MPI_Request request);
  void broadcast_between(std::byte* data, size_t bytes, int root);

  std::function<void()> check_;
  Launch launch_;
  int hosts_ = 1;
  MPI_Comm world_ = MPI_COMM_NULL, host_ = MPI_COMM_NULL;
  std::vector<int> host_ranks_;  // world rank of each rank of this host
  MPI_Win window_ = MPI_WIN_NULL;
  std::unique_ptr<SharedMemory> memory_;  // none where every rank has a host of its own
  std::unique_ptr<HostSum> host_sum_;     // none on one host

  MPI_Comm notices_ = MPI_COMM_NULL;  // its only messages are the reasons of ranks that abort
  MPI_Request notice_ = MPI_REQUEST_NULL;
  std::array<char, 1024> notice_text_{};
  bool notified_ = false;
  std::shared_ptr<Survey> survey_;  // none before open_survey()
};

}  // namespace lockstep::comm
