#include "in_order.h"

#include <atomic>

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep::data {
namespace {

TEST(InOrder, TakesItemsInOrderFromManyThreads) {
  std::vector<size_t> taken;
  in_order<size_t>(
      1000, 4, [](size_t, size_t i, size_t& item) { item = i * i; },
      [&](size_t i, size_t& item) {
        EXPECT_EQ(item, i * i);
        taken.push_back(i);
      });
  ASSERT_EQ(taken.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end()));
}

TEST(InOrder, KeepsFewItemsAtOnce) {
  std::atomic<int> made = 0, most = 0;
  in_order<int>(
      500, 2, [&](size_t, size_t, int&) { most = std::max(most.load(), ++made); }, [&](size_t, int&) { --made; });
  EXPECT_LE(most, 8);
}

TEST(InOrder, HandsOverTheErrorOfAWorker) {
  const auto message = test::expect_error(ErrorKind::kData, [] {
    in_order<int>(
        100, 3, [](size_t, size_t i, int&) { require(i != 40, ErrorKind::kData, "item ", i); },
        [](size_t i, int&) { EXPECT_LT(i, 100u); });
  });
  EXPECT_EQ(message, "item 40");
}

TEST(InOrder, EndsTheWorkersWhenTheTakerFails) {
  const auto message = test::expect_error(ErrorKind::kIo, [] {
    in_order<int>(
        100, 3, [](size_t, size_t, int&) {}, [](size_t i, int&) { require(i != 5, ErrorKind::kIo, "disk full"); });
  });
  EXPECT_EQ(message, "disk full");
}

TEST(InOrder, DoesNothingForNothing) {
  in_order<int>(0, 2, [](size_t, size_t, int&) { FAIL(); }, [](size_t, int&) { FAIL(); });
}

}  // namespace
}  // namespace lockstep::data
