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

TEST(LoaderTimes, NameTheTransferWhenBatchesAreAlwaysOnTheirWay) {
  LoaderTimes times{.decode = 90, .transfer = 91, .waited = 50, .elapsed = 100};
  EXPECT_EQ(bound_of(times), Bound::kTransfer);
  test::expect_contains(bound_text(times), "transfer to the GPU is the bound: batches were on their way for 91 %");
  times.transfer = 85;  // hidden behind the network, or behind decoding
  EXPECT_EQ(bound_of(times), Bound::kDecode);
  times.waited = 1;
  EXPECT_EQ(bound_of(times), Bound::kCompute);
}

TEST(LoaderTimes, OfASpanAreTheirDifference) {
  const LoaderTimes before{
      .samples = 1, .read = 1, .plan = 2, .decode = 3, .apply = 4, .transfer = 5, .waited = 6, .elapsed = 7};
  const LoaderTimes after{
      .samples = 3, .read = 11, .plan = 22, .decode = 33, .apply = 44, .transfer = 55, .waited = 66, .elapsed = 77};
  const LoaderTimes span = after - before;
  EXPECT_EQ(span.samples, 2);
  EXPECT_EQ(span.read + span.plan + span.decode + span.apply, span.busy());
  EXPECT_EQ(span.busy(), 10 + 20 + 30 + 40);
  EXPECT_EQ(span.transfer, 50);
  EXPECT_EQ(span.waited, 60);
  EXPECT_EQ(span.elapsed, 70);
}

TEST(LoaderTimes, HaveAWordForEveryBound) {
  EXPECT_STREQ(bound_name(Bound::kCompute), "compute");
  EXPECT_STREQ(bound_name(Bound::kStorage), "storage");
  EXPECT_STREQ(bound_name(Bound::kDecode), "decode");
  EXPECT_STREQ(bound_name(Bound::kTransfer), "transfer");
}

TEST(LoaderTimes, OfNothingAreNoBoundOfTheLoaders) {
  EXPECT_EQ(bound_of({}), Bound::kCompute);
  test::expect_contains(bound_text({}), "0.0 %");
}

}  // namespace
}  // namespace lockstep::data
