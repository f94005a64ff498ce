#pragma once

#ifdef LOCKSTEP_CUDA

#include <memory>
#include <string>

#include <cuda_runtime_api.h>

#include "backends.h"
#include "nccl_link.h"
#include "watch.h"

namespace lockstep::comm {

/// NCCL between the GPUs of all ranks: one GPU a rank, one stream of its own for all collectives, so that they overlap
/// the caller's stream and run in their order. Nothing in it makes the host wait for a GPU but start and end.
///
/// Each collective: an event of the caller's stream lets ours begin, an event of ours lets the caller's go on. Where
/// the caller's stream is being captured, these become edges of the graph, and no event is there to be looked at: what
/// is launched later is watched as one piece, by expect(). After the first error nothing is destroyed.
class NcclWorld {
 public:
  /// All ranks together: chooses the GPU (choose_gpu()), makes it current, connects all ranks, says what it found (rank
  /// 0), and adds up known numbers; a wrong sum is a comm Error. An abort heard by host.check ends NCCL here too, and
  /// an error here aborts the host's communicator.
  NcclWorld(const std::shared_ptr<Listening>& host, double timeout_seconds);
  NcclWorld(const NcclWorld&) = delete;
  NcclWorld& operator=(const NcclWorld&) = delete;

  // Buffers in the memory of this rank's GPU. The thread that made this object calls.
  Pending start_allreduce(Buffer buffer, Op op);
  Pending start_broadcast(Buffer buffer, int root);
  Pending start_allgather(Buffer mine, Buffer all);
  void expect(void* stream, const char* what) { watch_.expect(what, static_cast<cudaStream_t>(stream)); }
  double seconds_exchanging() const { return watch_.seconds_moving(); }

  /// Ends what is in flight and every later wait. Any thread; does not wait.
  void kill(const std::string& reason) { watch_.kill(reason); }
  bool dead() const { return watch_.dead(); }
  /// All ranks together: waits for what is in flight, then ends NCCL. Nothing may be called afterwards.
  void finish();

 private:
  Watch::Outside outside(std::vector<std::string> hosts) const;
  void connect();
  void announce();
  void test(size_t count);
  void wait_for_stream();
  template <class Action>
  void attempt(Action action);
  template <class Action>
  Pending start(const char* name, Buffer buffer, bool counts, const char* call, Action action);
  template <class Action>
  Pending record(cudaStream_t caller, const char* call, Action action);

  std::shared_ptr<Listening> host_;
  Communicator& ranks_;  // host_'s
  const int gpu_;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t fork_ = nullptr, join_ = nullptr;  // of the collectives that are recorded
  std::shared_ptr<NcclLink> link_;
  Watch watch_;
};

}  // namespace lockstep::comm

#endif
