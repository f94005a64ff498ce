#include <exception>

#include "backends.h"
#include "lockstep/core/log.h"
#include "mpi_world.h"
#include "operations.h"

namespace lockstep::comm {
namespace {

constexpr auto kFarewell = std::chrono::milliseconds(500);
constexpr auto kAnswers = std::chrono::milliseconds(1000);
static_assert(Listening::kNoAnswer == Survey::kNoAnswer);

class MpiCommunicator : public Communicator {
 public:
  MpiCommunicator(const Launch& launch, double timeout_seconds)
      : exceptions_(std::uncaught_exceptions()),
        operations_(describe(launch), timeout_seconds, [this] { return describe_waiting(); }) {
    launch_ = launch;
    // The thread fills a place of its own: it may be left behind in MPI_Init_thread when ranks are missing.
    auto place = std::make_shared<std::shared_ptr<MpiWorld>>();
    operations_.run("start of MPI", [place, launch, check = operations_.checker()] {
      *place = std::make_shared<MpiWorld>(launch, check);
    });
    world_ = *place;
    launch_ = world_->launch();
    operations_.rename(describe(launch_));
  }

  /// All ranks leave together, through MPI_Finalize, unless this one leaves by an exception or after a comm Error.
  ~MpiCommunicator() override {
    if (std::uncaught_exceptions() > exceptions_) abort("left by an error");
    try {
      if (!operations_.dead()) operations_.run("MPI_Finalize", [world = world_] { world->finalize(); });
    } catch (const std::exception& error) {
      log::warning(error.what());
    }
  }

  Pending start_allreduce(Buffer buffer, Op op) override {
    require_host(buffer);
    return operations_.start_exchange(describe("allreduce", buffer),
                                      [=, world = world_] { world->allreduce(buffer, op); });
  }
  void broadcast(Buffer buffer, int root) override {
    require_host(buffer);
    operations_.run(describe("broadcast", buffer), [=, world = world_] { world->broadcast(buffer, root); });
  }
  void allgather(Buffer mine, Buffer all) override {
    require_host(mine);
    operations_.run(describe("allgather", mine), [=, world = world_] { world->allgather(mine, all); });
  }
  void barrier() override {
    operations_.run("barrier", [world = world_] { world->barrier(); });
  }
  double seconds_exchanging() const override { return operations_.seconds_exchanging(); }
  void abort(const std::string& reason) noexcept override {
    try {
      const std::string text = describe(launch_) + " aborted: " + reason;
      operations_.end(text, [=, world = world_] { world->tell_all(text, kFarewell); }, kFarewell);
    } catch (...) {  // no memory for the text: the others run into their time limit
    }
  }

  /// From now on hears of other ranks' aborts and questions also while no collective runs. All ranks together.
  Listening listen(std::unique_ptr<Communicator> self) {
    auto place = std::make_shared<std::shared_ptr<Survey>>();
    operations_.run("start of listening", [place, world = world_] { *place = world->open_survey(); });
    operations_.run_when_idle([world = world_] { world->check(); });
    return {.communicator = std::move(self),
            .check = operations_.checker(),
            .tell = [survey = *place](int64_t number) { survey->tell(number); },
            .ask = [survey = *place] { return survey->ask(kAnswers); }};
  }

 private:
  static void require_host(const Buffer& buffer) {
    require(buffer.where == Device::kHost, ErrorKind::kBug, "the MPI backend moves buffers in host memory only");
  }
  std::string describe_waiting() const {
    if (!world_) return "not all ranks have started";
    const std::string missing = describe_missing(world_->behind());
    return missing.empty() && world_->hosts() > 1 ? "the rank that is missing is on another host" : missing;
  }

  const int exceptions_;
  std::shared_ptr<MpiWorld> world_;
  Operations operations_;
};

}  // namespace

std::unique_ptr<Communicator> make_mpi(const Launch& launch, double timeout_seconds) {
  return std::make_unique<MpiCommunicator>(launch, timeout_seconds);
}

Listening make_listening_mpi(const Launch& launch, double timeout_seconds) {
  auto communicator = std::make_unique<MpiCommunicator>(launch, timeout_seconds);
  MpiCommunicator& made = *communicator;
  return made.listen(std::move(communicator));
}

}  // namespace lockstep::comm
