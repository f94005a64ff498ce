#include "host_data.h"

#include <map>
#include <mutex>

#include <gtest/gtest.h>

#include "lockstep/data/rank_sampler.h"
#include "support/expect_error.h"
#include "support/ranks.h"
#include "support/temp_folder.h"
#include "support/toy_records.h"

namespace lockstep::train {
namespace {

/// Two shards of 20 and 12 records, on a disk that all hosts see.
class HostDataOfShards : public testing::Test {
 protected:
  void SetUp() override {
    test::make_toy_records(folder_ / "a", 20, 4, 8);
    test::make_toy_records(folder_ / "b", 12, 3, 8);
  }
  data::DatasetOptions options(const std::string& distribution) const {
    return {.channel = {.paths = {(folder_ / "a.rec").string(), (folder_ / "b.rec").string()},
                        .distribution = distribution}};
  }
  test::TempFolder folder_;
};

TEST_F(HostDataOfShards, EveryHostHasAllUnlessItIsSaidOtherwise) {
  test::run_ranks(
      4,
      [&](comm::Communicator& communicator) {
        const HostData data = open_host_data(options("FullyReplicated"), 1, 0, communicator);
        EXPECT_EQ(data.dataset->size(), 32u);
        EXPECT_TRUE(data.shards.samples.empty());
      },
      60, 2);
}

TEST_F(HostDataOfShards, EachHostReadsFilesOfItsOwn) {
  std::map<int64_t, int> drawn;
  std::mutex mutex;
  test::run_ranks(
      4,
      [&](comm::Communicator& communicator) {
        const HostData data = open_host_data(options("ShardedByS3Key"), 1, 0, communicator);
        EXPECT_EQ(data.facts.samples, 32);
        EXPECT_EQ(data.facts.class_counts, (std::vector<int64_t>{5 + 4, 5 + 4, 5 + 4, 5}));
        EXPECT_EQ(data.shards.samples, (std::vector<int64_t>{20, 12}));
        EXPECT_EQ(data.shards.ranks, (std::vector<int>{2, 2}));
        EXPECT_EQ(data.shards.place.host, communicator.rank() / 2);
        data::RankSampler sampler({.samples = 32, .global_batch = 8, .labels = {}, .shards = data.shards},
                                  communicator.rank(), communicator.size());
        EXPECT_EQ(sampler.samples(), 32);
        EXPECT_EQ(sampler.batches(), 5) << "the larger host takes 4 samples a step";
        data::Sample sample;
        for (int64_t k = 0; k < sampler.batches(); ++k)
          for (const int64_t id : sampler.batch(0, k).ids) {
            data.dataset->read(static_cast<size_t>(id), sample);  // throws where another host has it
            const std::lock_guard lock(mutex);
            ++drawn[id];
          }
      },
      60, 2);
  EXPECT_EQ(drawn.size(), 32u);
  for (const auto& [id, times] : drawn) EXPECT_EQ(times, 1) << id;
}

TEST_F(HostDataOfShards, OneHostAloneHasAllFiles) {
  test::run_ranks(2, [&](comm::Communicator& communicator) {
    const HostData data = open_host_data(options("ShardedByS3Key"), 1, 0, communicator);
    EXPECT_EQ(data.dataset->size(), 32u);
    EXPECT_TRUE(data.shards.samples.empty());
  });
}

// /data is another disk for one rank of the second host.
TEST_F(HostDataOfShards, NamesARankThatSeesOtherDataThanItsHost) {
  const auto open = [&](comm::Communicator& communicator) {
    data::DatasetOptions mine = options("ShardedByS3Key");
    if (communicator.rank() == 3) mine.channel.paths[1] = (folder_ / "a.rec").string();
    open_host_data(mine, 1, 0, communicator);
  };
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { test::run_ranks(4, open, 60, 2); }),
                        "channels.train: rank 3 sees other data than rank 2 on the same host");
}

TEST_F(HostDataOfShards, NamesTheHostsThatHaveTooFewFiles) {
  const auto open = [&](comm::Communicator& communicator) {
    data::DatasetOptions one = options("ShardedByS3Key");
    one.channel.paths.resize(1);
    open_host_data(one, 1, 0, communicator);
  };
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { test::run_ranks(2, open, 60, 2); }),
                        "needs a file for each host");
}

}  // namespace
}  // namespace lockstep::train
