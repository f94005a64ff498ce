#pragma once

#include <cstdint>
#include <vector>

namespace lockstep::data {

/// Begin and end of a share; shares differ by at most one.
struct Range {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};
/// The part of 0..total-1 that part `index` of `parts` computes: floor(total * index / parts) up to the next.
Range share(int64_t total, int index, int parts);

/// A rank's place among hosts.
struct HostPlace {
  int host = 0;
  int local_rank = 0, local_size = 1;  ///< on that host
};

/// Data of which each host has a part of its own; empty: every host has all of it.
struct Shards {
  std::vector<int64_t> samples;  ///< of each host
  std::vector<int> ranks;        ///< of each host
  HostPlace place;
};

/// A rank's samples of one global batch.
struct RankBatch {
  std::vector<int64_t> ids;
  int64_t global_count = 0;  ///< samples of the batch over all ranks
};

enum class Order { kSequential, kShuffle, kBalanced };

struct SamplerOptions {
  int64_t samples = 0;       ///< 1..2^32-1
  int64_t global_batch = 1;  ///< samples a step over all ranks
  uint64_t seed = 1;
  Order order = Order::kShuffle;
  bool drop_last = false;   ///< drop the short batch at the end of an epoch
  std::vector<int> labels;  ///< kBalanced only: the class of each sample; below 0: it is never drawn
  Shards shards;            ///< for RankSampler alone
};

/// Says which samples are global batch k of epoch e, from the seed alone: not from the number of ranks, not from what
/// ran before. Each sample at most once an epoch. kBalanced alone repeats: every class is drawn equally often,
/// `samples` times together, rounded to a multiple of the classes. Caches the order of one epoch: one thread.
class Sampler {
 public:
  /// Usage Error where an epoch would have no batch: fewer samples than a global batch, with drop_last.
  explicit Sampler(SamplerOptions options);
  int64_t batches() const;  ///< an epoch
  int64_t dropped() const;  ///< samples that an epoch leaves out
  /// Sample ids of global batch k (0-based) of epoch `epoch` (0-based), in order.
  std::vector<int64_t> batch(int64_t epoch, int64_t k);
  const SamplerOptions& options() const { return options_; }

 private:
  SamplerOptions options_;
  int64_t draws_ = 0;  // of an epoch
  int64_t cached_epoch_ = -1;
  std::vector<uint32_t> order_;
};

}  // namespace lockstep::data
