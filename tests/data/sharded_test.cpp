#include "lockstep/data/sharded.h"

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "data/toy_pictures.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

using Names = std::vector<std::string>;

struct Cluster {
  std::vector<int64_t> samples;
  std::vector<int> ranks;
  ShardedSampler sampler(int64_t global_batch, bool drop_last = false, Order order = Order::kShuffle) const {
    return {{.global_batch = global_batch, .seed = 3, .order = order, .drop_last = drop_last, .labels = {}},
            samples,
            ranks};
  }
  /// How often each id comes in an epoch; every rank must agree on the size of each batch.
  std::map<int64_t, int> draw(ShardedSampler sampler, int64_t epoch) const {
    std::map<int64_t, int> drawn;
    for (int64_t k = 0; k < sampler.batches(); ++k) {
      int64_t together = 0;
      std::set<int64_t> said;
      for (size_t host = 0; host < samples.size(); ++host)
        for (int rank = 0; rank < ranks[host]; ++rank) {
          const HostPlace place{static_cast<int>(host), rank, ranks[host]};
          const RankBatch batch = sampler.batch(epoch, k, place);
          EXPECT_LE(static_cast<int64_t>(batch.ids.size()), sampler.largest(place));
          for (const int64_t id : batch.ids) {
            EXPECT_GE(id, sampler.first_id(place.host));
            EXPECT_LT(id, sampler.first_id(place.host) + samples[host]) << "a rank reads its own host's samples alone";
            ++drawn[id];
          }
          together += static_cast<int64_t>(batch.ids.size());
          said.insert(batch.global_count);
        }
      EXPECT_EQ(said, std::set<int64_t>{together});
    }
    return drawn;
  }
};

TEST(ShardedSampler, TakesEverySampleOfEveryHostOnceAnEpoch) {
  for (const Cluster& cluster : {Cluster{{10, 10}, {2, 2}}, Cluster{{7, 23, 1}, {1, 2, 1}}, Cluster{{100}, {8}},
                                 Cluster{{1000, 900, 801, 5}, {4, 4, 4, 1}}})
    for (const int64_t batch : {4, 12, 33, 5000})
      for (const auto order : {Order::kShuffle, Order::kSequential}) {
        const auto hosts = static_cast<int64_t>(cluster.ranks.size());
        if (batch < hosts * std::ranges::max(cluster.ranks)) continue;  // a rank would never get a sample
        const auto drawn = cluster.draw(cluster.sampler(batch, false, order), 2);
        EXPECT_EQ(static_cast<int64_t>(drawn.size()), cluster.sampler(batch).samples());
        EXPECT_TRUE(std::ranges::all_of(drawn, [](const auto& each) { return each.second == 1; }));
      }
}

TEST(ShardedSampler, TakesAsManyStepsAsTheLargestHostNeedsAndSpreadsTheOthersOverThem) {
  const Cluster cluster{{100, 50}, {1, 1}};
  auto sampler = cluster.sampler(20);
  EXPECT_EQ(sampler.batches(), 10);
  for (int64_t k = 0; k < 10; ++k) {
    EXPECT_EQ(sampler.batch(0, k, {0, 0, 1}).ids.size(), 10u);
    EXPECT_EQ(sampler.batch(0, k, {1, 0, 1}).ids.size(), 5u);
    EXPECT_EQ(sampler.batch(0, k, {1, 0, 1}).global_count, 15);
  }
  EXPECT_EQ(sampler.describe(),
            "distribution: ShardedByS3Key: the hosts have 100, 50 samples of their own; 10 steps an epoch of 15 "
            "samples, where 20 were asked for; every sample once an epoch");
}

TEST(ShardedSampler, ShufflesEveryEpochAndHostInItsOwnWay) {
  auto sampler = Cluster{{64, 64}, {1, 1}}.sampler(128);
  const auto first = sampler.batch(0, 0, {0, 0, 1}).ids, second = sampler.batch(1, 0, {0, 0, 1}).ids;
  auto other = sampler.batch(0, 0, {1, 0, 1}).ids;
  for (int64_t& id : other) id -= 64;
  EXPECT_NE(first, second);
  EXPECT_NE(first, other);
  EXPECT_EQ(first, sampler.batch(0, 0, {0, 0, 1}).ids);
}

TEST(ShardedSampler, SaysWhatItLeavesOutWhereShortBatchesAreDropped) {
  const Cluster cluster{{25, 20}, {1, 1}};
  const auto sampler = cluster.sampler(20, true);
  EXPECT_EQ(sampler.batches(), 2);
  EXPECT_EQ(sampler.dropped(), 5);
  EXPECT_EQ(cluster.draw(sampler, 0).size(), 40u);
  test::expect_contains(sampler.describe(), "5 samples are left out of each epoch");
}

TEST(ShardedSampler, RefusesHostsThatCannotTakePart) {
  test::expect_contains(test::expect_error(ErrorKind::kData, [] { Cluster{{5, 0}, {1, 1}}.sampler(4); }),
                        "host 1 has 0 samples");
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [] { Cluster{{100, 3}, {2, 2}}.sampler(8); }),
                        "host 1 has 3 samples for 25 steps and 2 ranks");
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [] { Cluster{{5, 4}, {1, 1}}.sampler(20, true); }),
                        "no host has the 10 samples of a step (they have 5, 4)");
  test::expect_error(ErrorKind::kUsage, [] { Cluster{{5, 4}, {1, 1}}.sampler(4, false, Order::kBalanced); });
}

TEST(PlaceShard, GivesAHostsSamplesTheIdsOfTheRun) {
  const test::TempFolder folder;
  const auto pictures = toy::make_pictures(4);
  const auto shard = place_shard(open_dataset(toy::write_records(folder / "data", pictures)), 10, 20);
  EXPECT_EQ(shard->size(), 20u);
  EXPECT_EQ(shard->class_names(), toy::kClasses);
  Sample sample;
  shard->read(13, sample);
  EXPECT_TRUE(std::ranges::equal(sample.bytes, pictures[3].bytes));
  std::vector<float> labels;
  shard->read_labels(10, labels);
  EXPECT_EQ(labels, std::vector<float>{pictures[0].label});
  EXPECT_EQ(shard->picture_bytes(11), pictures[1].bytes.size());
  shard->will_read(0);
  for (const size_t id : {9, 14})
    test::expect_contains(test::expect_error(ErrorKind::kBug, [&] { shard->read(id, sample); }), "on another host");
}

TEST(MergeFacts, AddsUpWhatTheHostsHaveByTheNamesOfTheClasses) {
  const DatasetFacts cats{.samples = 5, .classes = 2, .class_names = {"cat", "dog"}, .class_counts = {3, 2}};
  const DatasetFacts eels{.samples = 4,
                          .classes = 2,
                          .class_names = {"dog",
                                          "\xE9"
                                          "el"},
                          .class_counts = {1, 3}};
  const auto all = merge_facts(std::vector{parse_facts(facts_text(cats)), parse_facts(facts_text(eels))});
  EXPECT_EQ(all.samples, 9);
  EXPECT_EQ(all.classes, 3);
  EXPECT_EQ(all.class_names, (Names{"cat", "dog",
                                    "\xE9"
                                    "el"}));
  EXPECT_EQ(all.class_counts, (std::vector<int64_t>{3, 3, 3}));
  const DatasetFacts swapped{.samples = 1, .classes = 2, .class_names = {"dog", "cat"}, .class_counts = {1, 0}};
  EXPECT_EQ(merge_facts(std::vector{swapped, swapped}).class_names, swapped.class_names) << "their own order";
}

TEST(MergeFacts, CountsNumbersWhereClassesHaveNoNames) {
  const DatasetFacts two{.samples = 3, .classes = 2, .class_names = {}, .class_counts = {1, 2}};
  const DatasetFacts four{.samples = 1, .classes = 4, .class_names = {}, .class_counts = {0, 0, 0, 1}};
  const auto all = merge_facts(std::vector{two, four});
  EXPECT_EQ(all.classes, 4);
  EXPECT_EQ(all.class_counts, (std::vector<int64_t>{1, 2, 0, 1}));
  const DatasetFacts named{.samples = 1, .classes = 1, .class_names = {"cat"}, .class_counts = {1}};
  test::expect_contains(test::expect_error(ErrorKind::kData, [&] { merge_facts(std::vector{named, two}); }),
                        "the data of host 1 do not name their classes");
}

TEST(ChannelOfHost, DealsOutTheFilesOfASharedDisk) {
  const test::TempFolder folder;
  for (int i = 0; i < 5; ++i) toy::write_text(folder / format("set-%05d-of-00005.rec", i), "");
  const auto name = [&](int i) { return (folder / format("set-%05d-of-00005.rec", i)).string(); };
  for (const Path& path : {folder.path(), folder / "set", folder / "set-*.rec"}) {
    const Channel channel{.paths = {path.string()}, .content_type = "x"};
    EXPECT_EQ(channel_of_host(channel, 0, 2).paths, (Names{name(0), name(2), name(4)}));
    EXPECT_EQ(channel_of_host(channel, 1, 2).paths, (Names{name(1), name(3)}));
    EXPECT_EQ(channel_of_host(channel, 1, 2).content_type, "x");
    test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { channel_of_host(channel, 0, 6); }),
                          "5 file(s) for 6 hosts");
  }
}

}  // namespace
}  // namespace lockstep::data
