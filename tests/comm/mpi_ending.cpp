// One rank ends in the way that the first argument names; the others wait for it in a collective. Started by
// tests/launch/mpirun_test.sh, which judges exit codes, messages and time.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "lockstep/comm/communicator.h"
#include "lockstep/core/error.h"

namespace {

using namespace lockstep;

constexpr double kTimeLimit = 3;
std::atomic<bool> asked_to_stop = false;

/// What the last rank does.
void end_badly(const std::string& how, comm::Communicator& communicator) {
  if (how == "exit") ::_exit(1);
  if (how == "kill") ::raise(SIGKILL);
  if (how == "stop") ::raise(SIGSTOP);
  if (how == "abort") communicator.abort("the disk is full");
  if (how == "throw") fail(ErrorKind::kData, "bad record");
  if (how == "silent") std::this_thread::sleep_for(std::chrono::seconds(60));
  ::_exit(3);
}

/// Rounds until a signal comes; ranks agree on the round.
int run_until_signal(comm::Communicator& communicator) {
  for (int round = 0;; ++round) {
    int32_t stop = asked_to_stop;
    communicator.allreduce({&stop, 1, comm::DType::kInt32}, comm::Op::kMax);
    if (stop) return 75;
    if (round == 0 && communicator.rank() == 0) std::fprintf(stderr, "all ranks run\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

int run(const std::string& how) {
  const auto communicator = comm::make_communicator("auto", comm::discover_launch(), kTimeLimit);
  communicator->barrier();
  if (how == "signal") return run_until_signal(*communicator);
  if (how == "orderly") return 0;
  if (communicator->rank() == communicator->size() - 1) end_badly(how, *communicator);
  std::vector<float> values(1000);
  try {
    communicator->allreduce(comm::buffer(values));
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    communicator->abort(error.what());
    ::_exit(exit_code(error.kind()));
  }
  return 0;
}

}  // namespace

int main(int, char** argv) {
  // Survivors must leave by what they learn from the communicator, not by mpirun's SIGTERM.
  std::signal(SIGTERM, SIG_IGN);
  std::signal(SIGUSR1, [](int) { asked_to_stop = true; });
  try {
    return run(argv[1]);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    ::_exit(exit_code(error.kind()));
  }
}
