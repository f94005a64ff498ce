#include "stop_signal.h"

#include <algorithm>
#include <atomic>
#include <climits>
#include <csignal>
#include <cstring>

#include <unistd.h>

namespace lockstep::train {
namespace {

constexpr int kInterrupted = 130;
constexpr unsigned kPatience = 10;
std::atomic<bool> orderly = false;
std::atomic<int> requests = 0;
std::atomic<unsigned> patience = kPatience;  // seconds
std::atomic<bool> agreed = false;
std::atomic<bool> postponed = true;
std::atomic<int> code_of_error = 0;
char removed_file[PATH_MAX];
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "used in a signal handler");

void take_signal(int number) {
  if (code_of_error != 0) ::_exit(code_of_error);
  const int before = requests.fetch_add(1);
  if (before == 0 && removed_file[0] != 0) ::unlink(removed_file);
  if (!orderly || (number == SIGINT && before > 0)) ::_exit(kInterrupted);
  if (before == 0 && !agreed && !postponed) ::alarm(patience);
}

void give_up(int) {
  if (agreed || postponed || code_of_error != 0) return;  // meanwhile
  constexpr char kWords[] = "the ranks could not agree on a step to stop at in time; leaving without a save\n";
  if (::write(STDERR_FILENO, kWords, sizeof kWords - 1) < 0) ::_exit(kInterrupted);
  ::_exit(kInterrupted);
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action{};
  action.sa_handler = take_signal;
  action.sa_flags = SA_RESTART;
  for (const int number : {SIGUSR1, SIGTERM, SIGINT}) ::sigaction(number, &action, nullptr);
  action.sa_handler = give_up;
  ::sigaction(SIGALRM, &action, nullptr);
}

void expect_agreement(double seconds) {
  patience = std::max(kPatience, static_cast<unsigned>(seconds) + 1);
  if (postponed.exchange(false) && requests > 0 && !agreed) ::alarm(patience);
}

void postpone_agreement() { postponed = true; }

void remove_when_asked(const char* file) {
  const size_t length = std::strlen(file);
  if (length < sizeof removed_file) std::memcpy(removed_file, file, length + 1);
}

void stop_is_agreed() {
  agreed = true;
  ::alarm(0);
}

void begin_orderly_stop() { orderly = true; }

void leave_with(int exit_code) { code_of_error = exit_code; }

bool stop_requested() { return requests > 0; }

}  // namespace lockstep::train
