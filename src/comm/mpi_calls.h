#pragma once

#include <algorithm>
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

/// Polls until done() is true. A wait sleeps between the polls, the longer the longer it is, so that it leaves its core
/// to the computation, and calls `check`, which ends it by throwing.
template <class Done, class Check>
void poll_until(Done done, const Check& check) {
  using std::chrono::microseconds, std::chrono::steady_clock;
  constexpr int kSpins = 200;  // polls before the first sleep: about 50 microseconds
  constexpr microseconds kShortest{20}, kLongest{250};
  steady_clock::time_point begin;
  for (int polls = 0; !done(); ++polls) {
    if (polls < kSpins) continue;
    if (polls == kSpins) begin = steady_clock::now();
    check();
    const auto waited = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
    std::this_thread::sleep_for(std::clamp(waited / 8, kShortest, kLongest));
  }
}

}  // namespace lockstep::comm
