#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/comm/communicator.h"

namespace at {
class Tensor;
}

namespace lockstep::train {

/// Compares all ranks every `every` steps: all must hold the same weights, bit for bit, and about the same speed.
class RankWatch {
 public:
  /// every: 0 is never.
  RankWatch(comm::Communicator& communicator, int64_t every);

  /// After each step, on all ranks alike. own_seconds: what this rank spent on the step without waiting for others. A
  /// rank whose weights differ from the majority's is a comm Error that names it, on every rank. Returns on rank 0 what
  /// the user should know about a slow rank, at most once for each comparison; otherwise empty.
  std::string look(int64_t step, double own_seconds, const at::Tensor& parameters);

 private:
  comm::Communicator& communicator_;
  int64_t every_, steps_ = 0;
  double own_seconds_ = 0;
};

/// The ranks whose fingerprint is not that of the most ranks (of the lowest rank, where there is no majority).
std::vector<int> find_different(const std::vector<uint64_t>& fingerprints);

/// "rank 3 (node2) takes 1.8 times as long ...", where a rank takes a third longer than the median of all; else empty.
std::string describe_slow(const std::vector<double>& seconds, const std::vector<std::string>& hosts);

}  // namespace lockstep::train
