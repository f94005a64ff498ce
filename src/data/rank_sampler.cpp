#include "lockstep/data/rank_sampler.h"

namespace lockstep::data {
namespace {

std::variant<Sampler, ShardedSampler> make_sampler(const SamplerOptions& options) {
  if (options.shards.samples.empty()) return Sampler(options);
  return ShardedSampler(options, options.shards.samples, options.shards.ranks);
}

}  // namespace

RankSampler::RankSampler(const SamplerOptions& options, int rank, int size)
    : sampler_(make_sampler(options)), rank_(rank), size_(size), place_(options.shards.place) {}

int64_t RankSampler::batches() const {
  return std::visit([](const auto& sampler) { return sampler.batches(); }, sampler_);
}

int64_t RankSampler::dropped() const {
  return std::visit([](const auto& sampler) { return sampler.dropped(); }, sampler_);
}

int64_t RankSampler::samples() const {
  if (const auto* sharded = std::get_if<ShardedSampler>(&sampler_)) return sharded->samples();
  return std::get<Sampler>(sampler_).options().samples;
}

int64_t RankSampler::largest() {
  if (const auto* sharded = std::get_if<ShardedSampler>(&sampler_)) return sharded->largest(place_);
  // No batch is larger than the first one, and that one is smaller than a global batch where the whole epoch is.
  const auto first = static_cast<int64_t>(std::get<Sampler>(sampler_).batch(0, 0).size());
  return (first + size_ - 1) / size_;
}

RankBatch RankSampler::batch(int64_t epoch, int64_t k) {
  if (auto* sharded = std::get_if<ShardedSampler>(&sampler_)) return sharded->batch(epoch, k, place_);
  const std::vector<int64_t> ids = std::get<Sampler>(sampler_).batch(epoch, k);
  const Range mine = share(static_cast<int64_t>(ids.size()), rank_, size_);
  return {{ids.begin() + mine.begin, ids.begin() + mine.end}, static_cast<int64_t>(ids.size())};
}

std::string RankSampler::describe() const {
  const auto* sharded = std::get_if<ShardedSampler>(&sampler_);
  return sharded ? sharded->describe() : "";
}

}  // namespace lockstep::data
