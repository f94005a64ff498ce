#pragma once

namespace lockstep::train {

/// What this rank's threads reach where nothing holds them up, measured now: a step's arithmetic and memory traffic are
/// shares of it. Takes about half a second.
struct Peak {
  double float32 = 0;           ///< multiply and add, FLOP/s
  double bfloat16 = 0;          ///< dot products of pairs (AVX512_BF16), FLOP/s; 0 where the processor has none
  double bytes_per_second = 0;  ///< read and written by a copy between two buffers beyond the caches
};
/// By the widest vectors that the processor has (AVX-512, AVX2; 0 without); AMX is not tried. LibTorch's threads.
Peak measure_peak();

}  // namespace lockstep::train
