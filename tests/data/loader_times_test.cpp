#include <gtest/gtest.h>

#include "lockstep/data/loader.h"
#include "support/expect_error.h"

namespace lockstep::data {
namespace {

TEST(LoaderTimes, SayThatTheNetworkIsTheBoundWhenItHardlyWaits) {
  const LoaderTimes times{.read = 90, .decode = 1, .waited = 4, .elapsed = 100};
  EXPECT_EQ(bound_of(times), Bound::kCompute);
  test::expect_contains(bound_text(times), "the network is the bound");
}

TEST(LoaderTimes, NameStorageWhenItsWaitIsTheMost) {
  const LoaderTimes times{.read = 60, .plan = 10, .decode = 20, .apply = 20, .waited = 50, .elapsed = 100};
  EXPECT_EQ(bound_of(times), Bound::kStorage);
  test::expect_contains(bound_text(times), "storage is the bound: the network waited 50 %");
}

TEST(LoaderTimes, NameDecodingOtherwise) {
  const LoaderTimes times{.read = 40, .plan = 10, .decode = 20, .apply = 20, .waited = 50, .elapsed = 100};
  EXPECT_EQ(bound_of(times), Bound::kDecode);
  test::expect_contains(bound_text(times), "decoding is the bound");
}

TEST(LoaderTimes, OfNothingAreNoBoundOfTheLoaders) {
  EXPECT_EQ(bound_of({}), Bound::kCompute);
  test::expect_contains(bound_text({}), "0.0 %");
}

}  // namespace
}  // namespace lockstep::data
