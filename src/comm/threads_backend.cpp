#include <atomic>
#include <mutex>
#include <new>

#include "backends.h"
#include "operations.h"
#include "shared_memory.h"

namespace lockstep::comm {
namespace {

constexpr auto kNoWait = std::chrono::milliseconds(0);

/// What the ranks of one process share.
class Meeting {
 public:
  explicit Meeting(int size)
      : told_(static_cast<size_t>(size)),
        division_(SharedMemory::divide(size, size)),
        region_(new(kAlignment) std::byte[SharedMemory::region_bytes(size, division_.slot_bytes)]) {
    SharedMemory::prepare(region_.get(), size);
  }

  const Division& division() const { return division_; }
  std::byte* region() { return region_.get(); }
  void abort(const std::string& reason) {
    std::lock_guard lock(mutex_);
    if (!aborted_) reason_ = reason;
    aborted_ = true;
  }
  void check() {
    if (!aborted_) return;
    std::lock_guard lock(mutex_);
    fail(ErrorKind::kComm, reason_);
  }
  void tell(int rank, int64_t number) { told_[static_cast<size_t>(rank)] = number; }
  std::vector<int64_t> ask() const { return {told_.begin(), told_.end()}; }

 private:
  static constexpr std::align_val_t kAlignment{4096};
  struct Free {
    void operator()(std::byte* region) const { ::operator delete[](region, kAlignment); }
  };

  std::vector<std::atomic<int64_t>> told_;  // of each rank
  const Division division_;
  std::unique_ptr<std::byte[], Free> region_;
  std::atomic<bool> aborted_ = false;
  std::mutex mutex_;
  std::string reason_;
};

class ThreadCommunicator : public Communicator {
 public:
  ThreadCommunicator(const Launch& launch, std::shared_ptr<Meeting> meeting, double timeout_seconds)
      : meeting_(std::move(meeting)),
        memory_(meeting_->region(), launch.rank, launch.size, meeting_->division(),
                [this] { return check_dead_(), meeting_->check(), false; }),
        operations_(describe(launch), timeout_seconds, [this] { return describe_missing(memory_.behind()); }) {
    launch_ = launch;
    check_dead_ = operations_.checker();
  }

  /// Throws the reason once this rank or another has ended the communicator.
  std::function<void()> checker() const {
    return [check = check_dead_, meeting = meeting_] {
      check();
      meeting->check();
    };
  }

  Pending start_allreduce(Buffer buffer, Op op) override {
    return operations_.start_exchange(describe("allreduce", buffer), [=, this] { memory_.allreduce(buffer, op); });
  }
  void broadcast(Buffer buffer, int root) override {
    operations_.run(describe("broadcast", buffer), [=, this] { memory_.broadcast(buffer, root); });
  }
  void allgather(Buffer mine, Buffer all) override {
    operations_.run(describe("allgather", mine), [=, this] { memory_.allgather(mine, all); });
  }
  void barrier() override {
    operations_.run("barrier", [this] { memory_.barrier(); });
  }
  double seconds_exchanging() const override { return operations_.seconds_exchanging(); }
  void abort(const std::string& reason) noexcept override {
    try {
      const std::string text = describe(launch_) + " aborted: " + reason;
      meeting_->abort(text);
      operations_.end(text, [] {}, kNoWait);
    } catch (...) {  // no memory for the text: the others run into their time limit
    }
  }

 private:
  std::shared_ptr<Meeting> meeting_;
  SharedMemory memory_;
  std::function<void()> check_dead_;
  Operations operations_;  // last: its thread uses the others
};

}  // namespace

std::vector<Listening> make_listening_threads(int size, double timeout_seconds, int hosts) {
  require(size >= 1, ErrorKind::kUsage, "a run has at least one rank, not ", size);
  require(hosts >= 1 && size % hosts == 0, ErrorKind::kUsage, size, " ranks cannot be on ", hosts, " equal hosts");
  const auto meeting = std::make_shared<Meeting>(size);
  const std::string host = host_name();
  std::vector<Listening> ranks;
  const int each = size / hosts;
  for (int rank = 0; rank < size; ++rank) {
    const std::string name = hosts == 1 ? host : cat(host, "-", rank / each);
    auto communicator = std::make_unique<ThreadCommunicator>(Launch{rank, size, rank % each, each, name, "", hosts},
                                                             meeting, timeout_seconds);
    auto check = communicator->checker();
    ranks.push_back({std::move(communicator), std::move(check),
                     [meeting, rank](int64_t number) { meeting->tell(rank, number); },
                     [meeting] { return meeting->ask(); }});
  }
  return ranks;
}

std::vector<std::unique_ptr<Communicator>> make_thread_communicators(int size, double timeout_seconds, int hosts) {
  std::vector<std::unique_ptr<Communicator>> communicators;
  for (Listening& rank : make_listening_threads(size, timeout_seconds, hosts))
    communicators.push_back(std::move(rank.communicator));
  return communicators;
}

}  // namespace lockstep::comm
