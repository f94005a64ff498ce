#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lockstep/data/dataset.h"
#include "lockstep/data/sampler.h"

// Data of which each host holds a part of its own (a channel's distribution: ShardedByS3Key). The sample ids of the run
// are those of all hosts one after the other, in host order; a rank reads those of its host alone.
namespace lockstep::data {

/// Says which samples of which host are global batch k of epoch e, from the seed and the hosts' counts alone. All hosts
/// take the same number of steps: as many as the largest needs for at most its share (global_batch through hosts, up)
/// of samples a step. A host with fewer samples spreads them evenly over these steps, so that each sample comes once an
/// epoch, no host waits without work at the end, and every sample weighs the same. With drop_last the largest host
/// leaves out what does not fill a step. One thread.
class ShardedSampler {
 public:
  /// `options.samples` is not read; the order is kSequential or kShuffle. `ranks`: of each host. Data Error for a host
  /// without samples; usage Error for kBalanced, for an epoch without a step, and for a host with so few samples a step
  /// that one of its ranks would never get one.
  ShardedSampler(SamplerOptions options, std::vector<int64_t> host_samples, const std::vector<int>& ranks);

  int64_t batches() const { return batches_; }  ///< an epoch
  int64_t dropped() const;                      ///< samples that an epoch leaves out, over all hosts
  int64_t samples() const;                      ///< of all hosts
  int64_t first_id(int host) const;             ///< of that host
  /// The most samples that this rank has in one batch.
  int64_t largest(const HostPlace& place) const;
  RankBatch batch(int64_t epoch, int64_t k, const HostPlace& place);
  /// For the log: samples of each host, steps, real and nominal batch, and what is left out.
  std::string describe() const;

 private:
  int64_t used(size_t host) const;

  SamplerOptions options_;
  std::vector<int64_t> host_samples_;
  int64_t share_ = 0, batches_ = 0;
  int64_t cached_epoch_ = -1;
  int cached_host_ = -1;
  std::vector<uint32_t> order_;
};

/// A host's own samples under the ids that they have in the run: `first` and on, of `total`. Reading another host's is
/// a bug Error.
std::unique_ptr<Dataset> place_shard(std::unique_ptr<Dataset> own, size_t first, size_t total);

/// What all hosts together have. Classes are those of all hosts by name, sorted where the hosts' lists differ; data
/// Error where some hosts have names and others none.
DatasetFacts merge_facts(std::span<const DatasetFacts> hosts);

/// As text for comm::gather_texts(), and back.
std::string facts_text(const DatasetFacts& facts);
DatasetFacts parse_facts(const std::string& text);

/// Every `hosts`-th file of a channel from the host's own on, for hosts that see the same files: a shared disk. Usage
/// Error where there are fewer files than hosts.
Channel channel_of_host(const Channel& channel, int host, int hosts);

}  // namespace lockstep::data
