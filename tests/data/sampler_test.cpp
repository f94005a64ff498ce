#include "lockstep/data/sampler.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep::data {
namespace {

SamplerOptions options_for(int64_t samples, int64_t global_batch, Order order = Order::kShuffle) {
  SamplerOptions options;
  options.samples = samples;
  options.global_batch = global_batch;
  options.order = order;
  return options;
}

std::vector<int64_t> epoch_ids(Sampler& sampler, int64_t epoch) {
  std::vector<int64_t> ids;
  for (int64_t k = 0; k < sampler.batches(); ++k) {
    const auto batch = sampler.batch(epoch, k);
    ids.insert(ids.end(), batch.begin(), batch.end());
  }
  return ids;
}

std::vector<int64_t> counting(int64_t n) {
  std::vector<int64_t> ids(static_cast<size_t>(n));
  std::iota(ids.begin(), ids.end(), int64_t{0});
  return ids;
}

TEST(Share, CoversEverySampleOnceAndDiffersByAtMostOne) {
  for (const int64_t total : {0, 1, 2, 7, 8, 9, 960, 1009})
    for (const int parts : {1, 2, 3, 4, 5, 7, 8, 16, 24}) {
      int64_t next = 0;
      for (int part = 0; part < parts; ++part) {
        const Range range = share(total, part, parts);
        EXPECT_EQ(range.begin, next);
        EXPECT_GE(range.size(), total / parts);
        EXPECT_LE(range.size(), total / parts + 1);
        next = range.end;
      }
      EXPECT_EQ(next, total);
    }
}

TEST(Share, DoesNotOverflowAtTheLargestDatasets) { EXPECT_EQ(share(4294967295, 65535, 65536).end, 4294967295); }

TEST(Sampler, DrawsEachSampleOnceAnEpochOverAnyNumberOfRanks) {
  for (const int ranks : {1, 2, 3, 4, 8})
    for (const int64_t samples : {1, std::max(1, ranks - 1), ranks, ranks + 1, 1000, 997})
      for (const int64_t global_batch : {1, 3, 8, 64}) {
        Sampler sampler(options_for(samples, global_batch));
        std::vector<int64_t> seen;
        for (int64_t k = 0; k < sampler.batches(); ++k) {
          const auto batch = sampler.batch(2, k);
          for (int rank = 0; rank < ranks; ++rank) {
            const Range mine = share(static_cast<int64_t>(batch.size()), rank, ranks);
            seen.insert(seen.end(), batch.begin() + mine.begin, batch.begin() + mine.end);
          }
        }
        std::ranges::sort(seen);
        EXPECT_EQ(seen, counting(samples)) << ranks << " ranks, " << samples << " samples, batches of " << global_batch;
      }
}

TEST(Sampler, GivesTheSameBatchFromAnyPlaceInAnyOrder) {
  const SamplerOptions options = options_for(5000, 96);
  Sampler forward(options);
  std::map<std::pair<int64_t, int64_t>, std::vector<int64_t>> batches;
  for (int64_t epoch = 0; epoch < 3; ++epoch)
    for (int64_t k = 0; k < forward.batches(); ++k) batches[{epoch, k}] = forward.batch(epoch, k);
  for (auto place = batches.rbegin(); place != batches.rend(); ++place) {
    Sampler resumed(options);
    EXPECT_EQ(resumed.batch(place->first.first, place->first.second), place->second);
  }
}

TEST(Sampler, KeepsTheGlobalBatchesOfAnyNumberOfRanks) {
  Sampler sampler(options_for(9600, 960));
  for (int64_t k = 0; k < sampler.batches(); ++k) {
    const auto batch = sampler.batch(1, k);
    for (const int ranks : {1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 24}) {
      std::vector<int64_t> together;
      for (int rank = 0; rank < ranks; ++rank) {
        const Range mine = share(960, rank, ranks);
        EXPECT_EQ(mine.size(), 960 / ranks);
        together.insert(together.end(), batch.begin() + mine.begin, batch.begin() + mine.end);
      }
      EXPECT_EQ(together, batch);
    }
  }
}

TEST(Sampler, ShufflesEveryEpochAndSeedDifferently) {
  SamplerOptions options = options_for(100, 10);
  Sampler sampler(options);
  const auto first = epoch_ids(sampler, 0);
  EXPECT_NE(first, epoch_ids(sampler, 1));
  EXPECT_EQ(first, epoch_ids(sampler, 0));
  options.seed = 2;
  Sampler other(options);
  EXPECT_NE(first, epoch_ids(other, 0));
}

TEST(Sampler, ReadsInOrderWhenSequential) {
  Sampler sampler(options_for(25, 10, Order::kSequential));
  EXPECT_EQ(epoch_ids(sampler, 7), counting(25));
}

TEST(Sampler, UsesOrDropsTheShortBatch) {
  SamplerOptions options = options_for(25, 10);
  EXPECT_EQ(Sampler(options).batches(), 3);
  EXPECT_EQ(Sampler(options).batch(0, 2).size(), 5u);
  EXPECT_EQ(Sampler(options).dropped(), 0);
  options.drop_last = true;
  EXPECT_EQ(Sampler(options).batches(), 2);
  EXPECT_EQ(Sampler(options).dropped(), 5);
  options.samples = 20;
  EXPECT_EQ(Sampler(options).batches(), 2);
  EXPECT_EQ(Sampler(options).dropped(), 0);
}

TEST(Sampler, RefusesAnEpochWithoutABatch) {
  SamplerOptions options = options_for(5, 10);
  options.drop_last = true;
  const auto message = test::expect_error(ErrorKind::kUsage, [&] { Sampler sampler(options); });
  test::expect_contains(message, "10");
  test::expect_contains(message, "run.last_batch");
  test::expect_error(ErrorKind::kData, [] { Sampler sampler(options_for(0, 10)); });
  test::expect_error(ErrorKind::kUsage, [] { Sampler sampler(options_for(5, 0)); });
}

SamplerOptions lopsided() {
  SamplerOptions options = options_for(1000, 64, Order::kBalanced);
  for (int i = 0; i < 1000; ++i) options.labels.push_back(i < 900 ? 0 : i < 990 ? 4 : 7);
  return options;
}

TEST(Sampler, DrawsEveryClassEquallyOftenWhenBalanced) {
  const SamplerOptions options = lopsided();
  Sampler sampler(options);
  std::map<int, int> of_class;
  std::map<int64_t, int> of_sample;
  for (const int64_t id : epoch_ids(sampler, 3)) {
    ++of_class[options.labels[static_cast<size_t>(id)]];
    ++of_sample[id];
  }
  EXPECT_EQ(of_class, (std::map<int, int>{{0, 333}, {4, 333}, {7, 333}}));
  for (int64_t id = 990; id < 1000; ++id) {
    EXPECT_GE(of_sample[id], 33);
    EXPECT_LE(of_sample[id], 34);
  }
}

TEST(Sampler, NeverDrawsASampleWithoutAClassWhenBalanced) {
  SamplerOptions options = options_for(10, 2, Order::kBalanced);
  options.labels = {0, 1, -1, 0, 1, -1, 0, 0, 0, 0};
  Sampler sampler(options);
  for (int64_t k = 0; k < sampler.batches(); ++k)
    for (const int64_t id : sampler.batch(0, k)) EXPECT_GE(options.labels[static_cast<size_t>(id)], 0);
  options.labels.assign(10, -1);
  test::expect_error(ErrorKind::kUsage, [&] { Sampler none(options); });
}

TEST(Sampler, MixesTheClassesWhenBalanced) {
  const SamplerOptions options = lopsided();
  Sampler sampler(options);
  std::set<int> classes;
  for (const int64_t id : sampler.batch(0, 0)) classes.insert(options.labels[static_cast<size_t>(id)]);
  EXPECT_EQ(classes.size(), 3u);
}

TEST(Sampler, NeedsAClassForEachSampleWhenBalanced) {
  SamplerOptions options = options_for(10, 2, Order::kBalanced);
  options.labels = {0, 1};
  test::expect_error(ErrorKind::kUsage, [&] { Sampler sampler(options); });
}

}  // namespace
}  // namespace lockstep::data
