#include "lockstep/core/rng.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

// The numbers are part of the product: another order of samples or other crops would change every run.
TEST(Rng, GivesTheSameNumbersOnEveryMachine) {
  Rng rng(1, RngUse::kShuffle, 2, 3);
  const uint64_t first = rng.next(), second = rng.next();
  EXPECT_EQ(first, 0xC8AA88B287B45CC5);
  EXPECT_EQ(second, 0x0CB12DBBEF95EA51);
  EXPECT_EQ(permutation(8, Rng(1, RngUse::kShuffle, 0)), (std::vector<uint32_t>{5, 0, 4, 2, 6, 3, 1, 7}));
}

TEST(Rng, StreamsDifferInEveryArgument) {
  const uint64_t first = Rng(1, RngUse::kShuffle, 2, 3).next();
  EXPECT_NE(first, Rng(2, RngUse::kShuffle, 2, 3).next());
  EXPECT_NE(first, Rng(1, RngUse::kAugment, 2, 3).next());
  EXPECT_NE(first, Rng(1, RngUse::kShuffle, 3, 3).next());
  EXPECT_NE(first, Rng(1, RngUse::kShuffle, 2, 4).next());
  EXPECT_NE(Rng(1, RngUse::kShuffle, 0, 1).next(), Rng(1, RngUse::kShuffle, 1, 0).next());
}

TEST(Rng, UniformIsWithinItsRangeAndHasItsMean) {
  Rng rng(1, RngUse::kTest);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double value = rng.uniform(-2, 4);
    ASSERT_GE(value, -2);
    ASSERT_LT(value, 4);
    sum += value;
  }
  EXPECT_NEAR(sum / 100'000, 1.0, 0.02);
}

TEST(Rng, UniformIntReachesBothEndsEquallyOften) {
  Rng rng(1, RngUse::kTest);
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts[static_cast<size_t>(rng.uniform_int(-3, 3) + 3)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 400);
  EXPECT_EQ(rng.uniform_int(5, 5), 5);
}

TEST(Rng, NormalHasMeanZeroAndDeviationOne) {
  Rng rng(1, RngUse::kTest);
  double sum = 0, squares = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double value = rng.normal();
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 100'000, 0, 0.02);
  EXPECT_NEAR(squares / 100'000, 1, 0.03);
}

TEST(Rng, PermutationHoldsEveryNumberOnce) {
  auto order = permutation(1000, Rng(7, RngUse::kShuffle));
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  std::vector<uint32_t> all(1000);
  std::iota(all.begin(), all.end(), 0u);
  EXPECT_EQ(order, all);
  EXPECT_TRUE(permutation(0, Rng(7, RngUse::kShuffle)).empty());
}

}  // namespace
}  // namespace lockstep
