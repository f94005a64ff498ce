#pragma once

#include <cstdint>
#include <vector>

namespace lockstep {

/// What a stream of random numbers is for; streams of different uses never meet.
enum class RngUse : uint64_t { kShuffle = 1, kAugment = 2, kInitialise = 3, kSplit = 4, kDropout = 5, kTest = 99 };

/// Random numbers as a function: the stream depends on (seed, use, epoch, id) alone, so resume and another number of
/// ranks draw the same numbers by construction. SplitMix64 (Steele, Lea, Flood 2014) over a mixed key: the same on
/// every machine and compiler.
class Rng {
 public:
  Rng(uint64_t seed, RngUse use, uint64_t epoch = 0, uint64_t id = 0);

  uint64_t next();
  /// [0, 1), 53 random bits.
  double uniform();
  double uniform(double low, double high);
  /// low..high, both included; low <= high.
  int64_t uniform_int(int64_t low, int64_t high);
  bool bernoulli(double probability);
  /// Mean 0, standard deviation 1 (Box and Muller).
  double normal();

 private:
  uint64_t state_;
};

/// 0..n-1 in random order (Fisher and Yates).
std::vector<uint32_t> permutation(uint32_t n, Rng rng);

}  // namespace lockstep
