#pragma once

#include <atomic>

// A machine with GPUs that do not exist: pretended_gpu.cpp answers the calls of CUDA and NCCL that src/comm makes.
// Streams are threads, so work on them is as asynchronous as on a GPU; NCCL joins ranks that are threads of one process
// and, as the real one does, waits without end for a rank that does not come. A stream can be captured, with the
// streams that events draw in, and the graph launched; what CUDA refuses there (looking at an event that was recorded,
// leaving a stream unjoined) is refused here too.
namespace lockstep::test {

/// What is wrong with the machine.
struct PretendedMachine {
  std::atomic<int> gpus = 4;
  std::atomic<bool> never_connects = false;   ///< ncclCommInitRankConfig stays in progress
  std::atomic<bool> miscalculates = false;    ///< sums of rank 1 are wrong
  std::atomic<bool> loses_peers = false;      ///< a remote error, which comes up by itself
  std::atomic<bool> blocks_in_calls = false;  ///< a collective's call returns only after an abort
  std::atomic<bool> hangs_in_abort = false;   ///< and an abort never
};
PretendedMachine& pretended_machine();

}  // namespace lockstep::test
