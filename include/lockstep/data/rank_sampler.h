#pragma once

#include <string>
#include <variant>

#include "lockstep/data/sampler.h"
#include "lockstep/data/sharded.h"

namespace lockstep::data {

/// Which samples one rank computes of each global batch: its share of what Sampler draws, or with `options.shards` its
/// share of its own host's samples. Throws as those do. One thread.
class RankSampler {
 public:
  RankSampler(const SamplerOptions& options, int rank, int size);

  int64_t batches() const;  ///< an epoch
  int64_t samples() const;  ///< that it draws from, over all hosts
  int64_t dropped() const;  ///< that an epoch leaves out
  int64_t largest();        ///< samples of this rank in its largest batch
  RankBatch batch(int64_t epoch, int64_t k);
  /// What the user should know of shards; empty without them.
  std::string describe() const;

 private:
  std::variant<Sampler, ShardedSampler> sampler_;
  int rank_, size_;
  HostPlace place_;
};

}  // namespace lockstep::data
