#include "worker_count.h"

#include <gtest/gtest.h>

namespace lockstep::data {
namespace {

/// A span of 100 s in which the consumer waited and `load` threads' worth of work was done.
LoaderTimes span(double waited, double load) { return {.decode = 100 * load, .waited = waited, .elapsed = 100}; }

TEST(WorkerCount, BeginsWithAllAndStaysThereUnlessItAdapts) {
  WorkerCount fixed(8, false);
  fixed.observe(span(0, 0.1));
  EXPECT_EQ(fixed.active(), 8);
}

TEST(WorkerCount, GoesDownOneByOneToTheLoadAndAThird) {
  WorkerCount count(8, true);
  std::vector<int> seen;
  for (int i = 0; i < 10; ++i) {
    count.observe(span(0, 2.0));  // 2.6 with the reserve
    seen.push_back(count.active());
  }
  EXPECT_EQ(seen, (std::vector<int>{7, 6, 5, 4, 3, 3, 3, 3, 3, 3}));
}

TEST(WorkerCount, NeverGoesBelowOne) {
  WorkerCount count(2, true);
  for (int i = 0; i < 5; ++i) count.observe(span(0, 0));
  EXPECT_EQ(count.active(), 1);
}

TEST(WorkerCount, GrowsByHalfWhenTheConsumerWaits) {
  WorkerCount count(8, true);
  for (int i = 0; i < 6; ++i) count.observe(span(0, 0.5));
  EXPECT_EQ(count.active(), 2);
  count.observe(span(10, 2.0));
  EXPECT_EQ(count.active(), 3);
  count.observe(span(10, 3.0));
  EXPECT_EQ(count.active(), 4);
  for (int i = 0; i < 5; ++i) count.observe(span(10, 4.0));
  EXPECT_EQ(count.active(), 8);
}

TEST(WorkerCount, DoesNotTryAgainWhatWasTooFew) {
  WorkerCount count(8, true);
  for (int i = 0; i < 6; ++i) count.observe(span(0, 0.5));
  EXPECT_EQ(count.active(), 2);
  count.observe(span(10, 2.0));
  for (int i = 0; i < 10; ++i) count.observe(span(0, 0.5));
  EXPECT_EQ(count.active(), 3);
}

TEST(WorkerCount, DoesNothingWithoutTime) {
  WorkerCount count(2, true);
  count.observe({});
  EXPECT_EQ(count.active(), 2);
}

}  // namespace
}  // namespace lockstep::data
