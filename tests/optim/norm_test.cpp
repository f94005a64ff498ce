#include "lockstep/optim/norm.h"

#include <cmath>
#include <limits>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace lockstep::optim {
namespace {

TEST(Norm, IsAddedUpInFloat64) {
  const at::Tensor values = at::full({1 << 22}, 0.1f);
  EXPECT_EQ(norm(values).scalar_type(), at::kDouble);
  EXPECT_NEAR(norm(values).item<double>(), static_cast<double>(0.1f) * 2048, 1e-9);
  EXPECT_EQ(norm(at::zeros({5})).item<double>(), 0);
}

TEST(Norm, IsFiniteExactlyWhenEveryElementIs) {
  at::Tensor values = at::full({1000003}, std::numeric_limits<float>::max());
  EXPECT_TRUE(std::isfinite(norm(values).item<double>()));
  for (const float wrong : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()})
    for (const int64_t place : {0, 999999, 1000002}) {
      at::Tensor spoilt = values.clone();
      spoilt[place].fill_(wrong);
      EXPECT_FALSE(std::isfinite(norm(spoilt).item<double>())) << wrong << " at " << place;
    }
}

TEST(Norm, HasTheSameBitsWhenRepeated) {
  const at::Tensor values = at::full({3000001}, 0.3f);
  EXPECT_EQ(norm(values).item<double>(), norm(values).item<double>());
}

}  // namespace
}  // namespace lockstep::optim
