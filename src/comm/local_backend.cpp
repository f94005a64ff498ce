#include <cstring>
#include <mutex>

#include "backends.h"

namespace lockstep::comm {
namespace {

/// One rank: every collective is done the moment it is called.
class LocalCommunicator : public Communicator {
 public:
  explicit LocalCommunicator(const Launch& launch) {
    require(launch.size == 1, ErrorKind::kUsage, "the backend \"local\" serves one rank, and this run has ",
            launch.size, "; use \"mpi\" or \"auto\"");
    launch_ = launch;
  }

  Pending start_allreduce(Buffer, Op) override {
    check();
    return {};
  }
  void broadcast(Buffer, int) override { check(); }
  void allgather(Buffer mine, Buffer all) override {
    check();
    if (mine.bytes() > 0 && mine.data != all.data) std::memcpy(all.data, mine.data, mine.bytes());
  }
  void barrier() override { check(); }
  void abort(const std::string& reason) noexcept override {
    try {
      std::lock_guard lock(mutex_);
      if (reason_.empty()) reason_ = reason.empty() ? "no reason given" : reason;
    } catch (...) {  // no memory for the text: nobody else waits here
    }
  }

 private:
  void check() {
    std::lock_guard lock(mutex_);
    require(reason_.empty(), ErrorKind::kComm, "rank 0 (", launch_.host, ") aborted: ", reason_);
  }

  std::mutex mutex_;
  std::string reason_;
};

}  // namespace

std::unique_ptr<Communicator> make_local(const Launch& launch, double) {
  return std::make_unique<LocalCommunicator>(launch);
}

}  // namespace lockstep::comm
