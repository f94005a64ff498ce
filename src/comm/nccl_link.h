#pragma once

#ifdef LOCKSTEP_CUDA

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include <nccl.h>

#include "lockstep/comm/communicator.h"

namespace lockstep::comm {

/// NCCL's communicator of this rank, as this program uses it: no call of it blocks. One thread connects and starts
/// collectives; any thread may ask for error() or abort(). Two threads are never inside NCCL at once, but for an abort
/// of one that does not come back. NCCL's errors are comm Errors with its own words.
///
/// It is not destroyed unless destroy() is called: after an error nothing of NCCL can be trusted to end.
class NcclLink {
 public:
  static ncclUniqueId make_id();  ///< for one rank, which hands it to the others and stays alive
  /// All ranks together, each with its GPU as the current device. check: asked from now on again and again while NCCL
  /// is at work; ends the wait by throwing.
  void connect(const ncclUniqueId& id, int rank, int size, std::function<void()> check);
  /// action(communicator) is one call of NCCL; returns when its work is on the stream.
  template <class Action>
  void call(const char* name, Action action) {
    finish(name, locked(action));
  }
  /// What went wrong by itself; empty while all is well, and while another thread is inside NCCL.
  std::string error();
  /// Ends the collectives that run on this GPU. The first call counts. NCCL then waits for the CUDA graphs that hold
  /// its collectives to be destroyed. Where it does not come back within five seconds the process says so with the
  /// reason, and ends with the exit code of a comm Error: a thread that waits for the GPU could not be woken otherwise.
  void abort(const std::string& reason) noexcept;
  /// All ranks together, when nothing is under way.
  void destroy();

 private:
  template <class Action>
  ncclResult_t locked(Action action) {
    std::lock_guard lock(mutex_);
    const ncclComm_t comm = comm_;
    return comm ? action(comm) : ncclInvalidUsage;
  }
  void finish(const char* name, ncclResult_t result);

  std::function<void()> check_;
  std::mutex mutex_;
  std::atomic<ncclComm_t> comm_ = nullptr;  // atomic for the abort that overtakes a call
};

ncclDataType_t nccl_type(DType dtype);
ncclRedOp_t nccl_op(Op op);
std::string nccl_version_text(int code);  ///< 22809: "2.28.9"

}  // namespace lockstep::comm

#endif
