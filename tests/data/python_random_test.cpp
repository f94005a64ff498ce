#include "python_random.h"

#include <numeric>

#include <gtest/gtest.h>

namespace lockstep::data {
namespace {

std::vector<int> shuffled(int n) {
  std::vector<int> items(static_cast<size_t>(n));
  std::iota(items.begin(), items.end(), 0);
  python_shuffle(items, 100);
  return items;
}

TEST(PythonRandom, DrawsTheNumbersOfSeed100) {
  PythonRandom random(100);
  for (const uint32_t expected : {625644691u, 1973661107u, 1953896601u, 4087596401u, 3310491232u})
    EXPECT_EQ(random.next(), expected);
}

TEST(PythonRandom, ShufflesAsPythonDoes) {
  EXPECT_EQ(shuffled(10), (std::vector<int>{4, 0, 5, 9, 3, 1, 6, 8, 7, 2}));
  const auto hundred = shuffled(100);
  EXPECT_EQ(std::vector<int>(hundred.begin(), hundred.begin() + 10),
            (std::vector<int>{57, 76, 27, 11, 17, 34, 83, 89, 19, 31}));
}

TEST(PythonRandom, LeavesNothingAndOneAsTheyAre) {
  EXPECT_EQ(shuffled(0), std::vector<int>{});
  EXPECT_EQ(shuffled(1), std::vector<int>{0});
}

}  // namespace
}  // namespace lockstep::data
