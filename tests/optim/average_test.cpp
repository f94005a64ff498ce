#include "lockstep/optim/average.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

namespace lockstep::optim {
namespace {

TEST(Average, BeginsWithTheValuesAndFollowsThem) {
  Average average(at::full({3}, 1.0f), 0.75);
  EXPECT_EQ(average.values()[0].item<float>(), 1);
  average.update(at::full({3}, 5.0f), at::full({1}, 1.0f));
  EXPECT_FLOAT_EQ(average.values()[0].item<float>(), 2);
  average.update(at::full({3}, 6.0f), at::full({1}, 1.0f));
  EXPECT_FLOAT_EQ(average.values()[2].item<float>(), 3);
}

TEST(Average, LeavesASkippedUpdateOut) {
  Average average(at::full({3}, 1.0f), 0.5);
  average.update(at::full({3}, 100.0f), at::full({1}, 0.0f));
  EXPECT_EQ(average.values()[1].item<float>(), 1);
}

TEST(Average, HasItsOwnMemory) {
  at::Tensor values = at::full({3}, 1.0f);
  Average average(values, 0.5);
  values.fill_(7);
  EXPECT_EQ(average.values()[0].item<float>(), 1);
}

}  // namespace
}  // namespace lockstep::optim
