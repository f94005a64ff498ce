#include "rank_watch.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/ranks.h"

namespace lockstep::train {
namespace {

TEST(RankWatch, FindsTheMinority) {
  EXPECT_TRUE(find_different({7, 7, 7}).empty());
  EXPECT_EQ(find_different({7, 7, 5, 7}), std::vector<int>{2});
  EXPECT_EQ(find_different({1, 7, 7}), std::vector<int>{0});
  EXPECT_EQ(find_different({7, 5}), std::vector<int>{1}) << "without a majority the lowest rank is believed";
  EXPECT_EQ(find_different({7, 5, 7, 6}), (std::vector<int>{1, 3}));
}

TEST(RankWatch, NamesTheRankOfASingleFlippedBit) {
  const std::string message = test::expect_error(ErrorKind::kComm, [] {
    test::run_ranks(3, [](comm::Communicator& communicator) {
      RankWatch watch(communicator, 10);
      at::Tensor weights = at::ones({100000});
      for (int64_t step = 1; step <= 30; ++step) {
        if (step == 15 && communicator.rank() == 1)
          reinterpret_cast<uint32_t*>(weights.data_ptr<float>())[4711] ^= 1u << 3;
        watch.look(step, 0.01, weights);
        EXPECT_LT(step, 20) << "found at the next comparison";
      }
    });
  });
  test::expect_contains(message, "behind step 20");
  test::expect_contains(message, "rank 1 (");
}

TEST(RankWatch, IsQuietAboutEqualRanks) {
  test::run_ranks(2, [](comm::Communicator& communicator) {
    RankWatch watch(communicator, 5);
    const at::Tensor weights = at::ones({1000});
    for (int64_t step = 1; step <= 10000; ++step) EXPECT_EQ(watch.look(step, 0.1, weights), "");
  });
}

TEST(RankWatch, TellsRankZeroOfASlowRank) {
  test::run_ranks(3, [](comm::Communicator& communicator) {
    RankWatch watch(communicator, 4);
    const at::Tensor weights = at::ones({10});
    std::string said;
    for (int64_t step = 1; step <= 4; ++step)
      said += watch.look(step, communicator.rank() == 2 ? 0.150 : 0.100, weights);
    if (communicator.rank() != 0) {
      EXPECT_EQ(said, "");
    } else {
      test::expect_contains(said, "rank 2 (");
      test::expect_contains(said, "150 ms a step, 1.5 times");
    }
  });
}

TEST(RankWatch, NeverLooksWhenItIsAskedNotTo) {
  test::run_ranks(2, [](comm::Communicator& communicator) {
    RankWatch watch(communicator, 0);
    if (communicator.rank() == 0) watch.look(1, 1, at::ones({3}));  // alone: a collective would not end
  });
}

}  // namespace
}  // namespace lockstep::train
