#include "stop_signal.h"

#include <atomic>
#include <csignal>

#include <unistd.h>

namespace lockstep::train {
namespace {

constexpr int kInterrupted = 130;
std::atomic<bool> orderly = false;
std::atomic<int> requests = 0;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "used in a signal handler");

void take_signal(int number) {
  const int before = requests.fetch_add(1);
  if (!orderly || (number == SIGINT && before > 0)) ::_exit(kInterrupted);
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action{};
  action.sa_handler = take_signal;
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGUSR1, SIGTERM, SIGINT}) ::sigaction(number, &action, nullptr);
}

void begin_orderly_stop() { orderly = true; }

bool stop_requested() { return requests > 0; }

}  // namespace lockstep::train
