#include <exception>

#include "backends.h"
#include "lockstep/core/error.h"
#include "lockstep/core/log.h"
#include "nccl_world.h"

namespace lockstep::comm {

#ifdef LOCKSTEP_CUDA

namespace {

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(Listening host, double timeout_seconds)
      : exceptions_(std::uncaught_exceptions()), host_(std::make_shared<Listening>(std::move(host))) {
    launch_ = ranks().launch();
    try {
      world_ = std::make_unique<NcclWorld>(host_, timeout_seconds);
    } catch (const std::exception& error) {
      ranks().abort(error.what());
      throw;
    }
  }

  /// All ranks leave NCCL together, then the communicator below it, unless this one leaves by an exception or after a
  /// comm Error.
  ~NcclCommunicator() override {
    if (!world_) return;
    if (std::uncaught_exceptions() > exceptions_) abort("left by an error");
    try {
      if (!world_->dead()) world_->finish();
    } catch (const std::exception& error) {
      log::warning(error.what());
    }
  }

  Pending start_allreduce(Buffer buffer, Op op) override {
    return is_device(buffer) ? world_->start_allreduce(buffer, op) : ranks().start_allreduce(buffer, op);
  }
  void broadcast(Buffer buffer, int root) override {
    if (!is_device(buffer)) return ranks().broadcast(buffer, root);
    world_->start_broadcast(buffer, root).wait();
  }
  void allgather(Buffer mine, Buffer all) override {
    require(is_device(mine) == is_device(all), ErrorKind::kBug, "allgather between host and device memory");
    if (!is_device(mine)) return ranks().allgather(mine, all);
    world_->start_allgather(mine, all).wait();
  }
  void barrier() override { ranks().barrier(); }
  void expect(void* stream, const char* what) override { world_->expect(stream, what); }
  void abort(const std::string& reason) noexcept override {
    ranks().abort(reason);  // tells the others, so it comes first
    try {
      world_->kill(describe(launch_) + " aborted: " + reason);
    } catch (...) {  // no memory for the text: the watch hears of it from ranks()
    }
  }
  double seconds_exchanging() const override { return world_->seconds_exchanging() + ranks().seconds_exchanging(); }

 private:
  Communicator& ranks() const { return *host_->communicator; }
  static bool is_device(const Buffer& buffer) { return buffer.where == Device::kCuda; }

  const int exceptions_;
  std::shared_ptr<Listening> host_;
  std::unique_ptr<NcclWorld> world_;
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_over(Listening host, double timeout_seconds) {
  return std::make_unique<NcclCommunicator>(std::move(host), timeout_seconds);
}

std::unique_ptr<Communicator> make_nccl(const Launch& launch, double timeout_seconds) {
  if (launch.size == 1) {
    Listening alone{make_local(launch, timeout_seconds), [] {}, [](int64_t) {}, [] { return std::vector<int64_t>(); }};
    return make_nccl_over(std::move(alone), timeout_seconds);
  }
  return make_nccl_over(make_listening_mpi(launch, timeout_seconds), timeout_seconds);
}

#else

std::unique_ptr<Communicator> make_nccl_over(Listening, double) {
  fail(ErrorKind::kUsage,
       "the backend \"nccl\" serves GPUs, and this program was built without CUDA; launch/setup --cuda");
}

std::unique_ptr<Communicator> make_nccl(const Launch&, double timeout_seconds) {
  return make_nccl_over({}, timeout_seconds);
}

#endif

}  // namespace lockstep::comm
