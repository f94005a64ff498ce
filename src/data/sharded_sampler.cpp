#include <algorithm>
#include <numeric>

#include "lockstep/core/error.h"
#include "lockstep/core/rng.h"
#include "lockstep/data/sharded.h"

namespace lockstep::data {
namespace {

constexpr int64_t kMostSamples = (int64_t{1} << 31) - 1;  // times as many steps is still a 64-bit number

int64_t up(int64_t total, int64_t parts) { return (total + parts - 1) / parts; }

std::string numbers_text(const std::vector<int64_t>& numbers) {
  std::vector<std::string> texts;
  for (const int64_t number : numbers) texts.push_back(std::to_string(number));
  return join(texts, ", ");
}

}  // namespace

ShardedSampler::ShardedSampler(SamplerOptions options, std::vector<int64_t> host_samples, const std::vector<int>& ranks)
    : options_(std::move(options)), host_samples_(std::move(host_samples)) {
  const auto hosts = static_cast<int64_t>(host_samples_.size());
  require(hosts > 0 && ranks.size() == host_samples_.size(), ErrorKind::kBug, hosts, " hosts, ranks of ", ranks.size());
  require(options_.order != Order::kBalanced, ErrorKind::kUsage,
          "run.sampler: balanced needs all samples on all hosts; distribution: ShardedByS3Key gives each host its own");
  for (size_t host = 0; host < host_samples_.size(); ++host)
    require(host_samples_[host] > 0 && host_samples_[host] <= kMostSamples, ErrorKind::kData, "host ", host, " has ",
            host_samples_[host], " samples; with distribution: ShardedByS3Key each host needs some of its own");
  share_ = up(options_.global_batch, hosts);
  const int64_t most = std::ranges::max(host_samples_);
  batches_ = options_.drop_last ? most / share_ : up(most, share_);
  require(batches_ > 0, ErrorKind::kUsage, "no host has the ", share_, " samples of a step (they have ",
          numbers_text(host_samples_), "), and short batches are dropped: take smaller batches or run.last_batch: use");
  for (size_t host = 0; host < host_samples_.size(); ++host)
    require(up(used(host), batches_) >= ranks[host], ErrorKind::kUsage, "host ", host, " has ", host_samples_[host],
            " samples for ", batches_, " steps and ", ranks[host],
            " ranks, of which one would never get a sample; spread the data more evenly over the hosts");
}

int64_t ShardedSampler::used(size_t host) const {
  return options_.drop_last ? std::min(host_samples_[host], share_ * batches_) : host_samples_[host];
}

int64_t ShardedSampler::dropped() const {
  int64_t dropped = 0;
  for (size_t host = 0; host < host_samples_.size(); ++host) dropped += host_samples_[host] - used(host);
  return dropped;
}

int64_t ShardedSampler::samples() const {
  return std::accumulate(host_samples_.begin(), host_samples_.end(), int64_t{0});
}

int64_t ShardedSampler::first_id(int host) const {
  return std::accumulate(host_samples_.begin(), host_samples_.begin() + host, int64_t{0});
}

int64_t ShardedSampler::largest(const HostPlace& place) const {
  return up(up(used(static_cast<size_t>(place.host)), batches_), place.local_size);
}

RankBatch ShardedSampler::batch(int64_t epoch, int64_t k, const HostPlace& place) {
  require(epoch >= 0 && k >= 0 && k < batches_, ErrorKind::kBug, "epoch ", epoch, " has no batch ", k);
  const auto host = static_cast<size_t>(place.host);
  if (epoch != cached_epoch_ || place.host != cached_host_) {
    const auto count = static_cast<uint32_t>(host_samples_.at(host));
    // Another stream for each host, or hosts of equal size would shuffle alike.
    if (options_.order == Order::kShuffle) {
      order_ = permutation(count, Rng(options_.seed, RngUse::kShuffle, static_cast<uint64_t>(epoch), host));
    } else {
      order_.resize(count);
      std::iota(order_.begin(), order_.end(), 0u);
    }
    cached_epoch_ = epoch;
    cached_host_ = place.host;
  }
  RankBatch batch;
  const auto of_step = [&](size_t h) { return Range{used(h) * k / batches_, used(h) * (k + 1) / batches_}; };
  for (size_t h = 0; h < host_samples_.size(); ++h) batch.global_count += of_step(h).size();
  const Range step = of_step(host), mine = share(step.size(), place.local_rank, place.local_size);
  for (int64_t i = step.begin + mine.begin; i < step.begin + mine.end; ++i)
    batch.ids.push_back(first_id(place.host) + order_[static_cast<size_t>(i)]);
  return batch;
}

std::string ShardedSampler::describe() const {
  const int64_t steps = batches_, total = samples() - dropped();
  return cat("distribution: ShardedByS3Key: the hosts have ", numbers_text(host_samples_), " samples of their own; ",
             steps, " steps an epoch of ", total / steps, total % steps ? cat(" to ", up(total, steps)) : "",
             " samples, where ", options_.global_batch, " were asked for; ",
             dropped() == 0 ? "every sample once an epoch" : cat(dropped(), " samples are left out of each epoch"));
}

}  // namespace lockstep::data
