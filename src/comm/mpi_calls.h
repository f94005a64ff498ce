#pragma once

#include <array>
#include <chrono>
#include <thread>

#include <mpi.h>

#include "lockstep/core/error.h"

namespace lockstep::comm {

/// comm Error with MPI's own words.
inline void require_success(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  fail(ErrorKind::kComm, call, ": ", text.data());
}

/// Polls until done() is true. A long wait sleeps between the polls, so that it leaves its core to the computation, and
/// calls `check`, which ends it by throwing.
template <class Done, class Check>
void poll_until(Done done, const Check& check) {
  constexpr int kSpins = 200;  // polls before the first sleep: about 50 microseconds
  constexpr auto kSleep = std::chrono::microseconds(20);
  for (int polls = 0; !done(); ++polls) {
    if (polls < kSpins) continue;
    check();
    std::this_thread::sleep_for(kSleep);
  }
}

}  // namespace lockstep::comm
