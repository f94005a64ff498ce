#include "lockstep/data/sampler.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "lockstep/core/error.h"
#include "lockstep/core/rng.h"

namespace lockstep::data {
namespace {

std::vector<std::vector<uint32_t>> members_of_classes(const std::vector<int>& labels) {
  std::map<int, std::vector<uint32_t>> by_class;
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= 0) by_class[labels[i]].push_back(static_cast<uint32_t>(i));
  std::vector<std::vector<uint32_t>> classes;
  for (auto& [label, members] : by_class) classes.push_back(std::move(members));
  return classes;
}

/// An epoch of kBalanced has as many draws as there are samples, rounded to a multiple of the classes.
int64_t draws_of_class(int64_t samples, int64_t classes) {
  return std::max<int64_t>(1, (samples + classes / 2) / classes);
}

int64_t draws_of_epoch(const SamplerOptions& options) {
  if (options.order != Order::kBalanced) return options.samples;
  const auto classes = static_cast<int64_t>(members_of_classes(options.labels).size());
  return classes == 0 ? 0 : draws_of_class(options.samples, classes) * classes;
}

std::vector<uint32_t> shuffled(const SamplerOptions& options, int64_t epoch, uint64_t stream, uint32_t n) {
  return permutation(n, Rng(options.seed, RngUse::kShuffle, static_cast<uint64_t>(epoch), stream));
}

/// Every class is dealt out in whole shuffled rounds, so that within a class no sample is drawn twice more than
/// another.
std::vector<uint32_t> balanced_order(const SamplerOptions& options, int64_t epoch) {
  const auto classes = members_of_classes(options.labels);
  const auto draws = static_cast<size_t>(draws_of_class(options.samples, static_cast<int64_t>(classes.size())));
  std::vector<uint32_t> drawn;
  drawn.reserve(draws * classes.size());
  for (size_t c = 0; c < classes.size(); ++c) {
    const auto& members = classes[c];
    for (size_t done = 0, round = 0; done < draws; ++round) {
      const size_t count = std::min(draws - done, members.size());
      // Stream 0 shuffles the whole epoch below.
      const auto picks =
          shuffled(options, epoch, 1 + round * classes.size() + c, static_cast<uint32_t>(members.size()));
      for (size_t i = 0; i < count; ++i) drawn.push_back(members[picks[i]]);
      done += count;
    }
  }
  std::vector<uint32_t> order = shuffled(options, epoch, 0, static_cast<uint32_t>(drawn.size()));
  for (uint32_t& id : order) id = drawn[id];
  return order;
}

std::vector<uint32_t> order_of_epoch(const SamplerOptions& options, int64_t epoch) {
  switch (options.order) {
    case Order::kShuffle:
      return shuffled(options, epoch, 0, static_cast<uint32_t>(options.samples));
    case Order::kBalanced:
      return balanced_order(options, epoch);
    case Order::kSequential:
      break;
  }
  std::vector<uint32_t> order(static_cast<size_t>(options.samples));
  std::iota(order.begin(), order.end(), 0u);
  return order;
}

}  // namespace

Range share(int64_t total, int index, int parts) { return {total * index / parts, total * (index + 1) / parts}; }

Sampler::Sampler(SamplerOptions options) : options_(std::move(options)) {
  constexpr int64_t kMost = std::numeric_limits<uint32_t>::max();
  require(options_.samples >= 1 && options_.samples <= kMost, ErrorKind::kData, "a sampler takes 1 to ", kMost,
          " samples, not ", options_.samples);
  require(options_.global_batch >= 1, ErrorKind::kUsage, "a global batch of ", options_.global_batch,
          " samples is none");
  if (options_.order == Order::kBalanced) {
    require(static_cast<int64_t>(options_.labels.size()) == options_.samples, ErrorKind::kUsage,
            "the balanced order needs the class of each of the ", options_.samples, " samples; it has ",
            options_.labels.size(), " (it is for data with one label a sample)");
  }
  draws_ = draws_of_epoch(options_);
  require(draws_ <= kMost, ErrorKind::kData, "an epoch of ", draws_, " draws is more than ", kMost);
  require(batches() >= 1, ErrorKind::kUsage, "the global batch of ", options_.global_batch, " is larger than the ",
          draws_, " samples of an epoch, and short batches are dropped: take smaller batches or run.last_batch: use");
}

int64_t Sampler::batches() const {
  const int64_t whole = draws_ / options_.global_batch;
  return options_.drop_last || draws_ % options_.global_batch == 0 ? whole : whole + 1;
}

int64_t Sampler::dropped() const { return options_.drop_last ? draws_ % options_.global_batch : 0; }

std::vector<int64_t> Sampler::batch(int64_t epoch, int64_t k) {
  require(epoch >= 0 && k >= 0 && k < batches(), ErrorKind::kBug, "epoch ", epoch, " has no batch ", k);
  if (epoch != cached_epoch_) {
    order_ = order_of_epoch(options_, epoch);
    cached_epoch_ = epoch;
  }
  const int64_t begin = k * options_.global_batch;
  const int64_t end = std::min(begin + options_.global_batch, draws_);
  return {order_.begin() + begin, order_.begin() + end};
}

}  // namespace lockstep::data
