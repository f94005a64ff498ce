#include "lockstep/optim/loss_scaler.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace lockstep::optim {
namespace {

const at::Tensor kApplied = at::full({1}, 1.0f), kSkipped = at::full({1}, 0.0f);

double scale_of(const LossScaler& scaler) { return scaler.scale().item<double>(); }

TEST(LossScaler, HalvesWithEachSkippedUpdate) {
  LossScaler scaler(at::zeros({1}));
  EXPECT_EQ(scale_of(scaler), 65536);
  scaler.update(kSkipped);
  scaler.update(kSkipped);
  EXPECT_EQ(scale_of(scaler), 16384);
}

TEST(LossScaler, DoublesAfterTwoThousandAppliedInARow) {
  LossScaler scaler(at::zeros({1}));
  for (int i = 0; i < 1999; ++i) scaler.update(kApplied);
  EXPECT_EQ(scale_of(scaler), 65536);
  scaler.update(kSkipped);
  for (int i = 0; i < 1999; ++i) scaler.update(kApplied);
  EXPECT_EQ(scale_of(scaler), 32768) << "a skip begins the count anew";
  scaler.update(kApplied);
  EXPECT_EQ(scale_of(scaler), 65536);
}

TEST(LossScaler, StaysBetweenOneAndTwoToThe24) {
  LossScaler scaler(at::zeros({1}));
  for (int i = 0; i < 40; ++i) scaler.update(kSkipped);
  EXPECT_EQ(scale_of(scaler), 1);
  scaler.restore({.scale = 1 << 24, .applied_in_a_row = 1999});
  scaler.update(kApplied);
  EXPECT_EQ(scale_of(scaler), 1 << 24);
}

TEST(LossScaler, OfAFixedScaleKeepsIt) {
  LossScaler scaler(at::zeros({1}), 128);
  for (int i = 0; i < 2001; ++i) scaler.update(i % 2 ? kApplied : kSkipped);
  EXPECT_EQ(scale_of(scaler), 128);
}

TEST(LossScaler, GoesOnFromWhereItWasSaved) {
  LossScaler first(at::zeros({1})), second(at::zeros({1}));
  first.update(kSkipped);
  for (int i = 0; i < 1500; ++i) first.update(kApplied);
  EXPECT_EQ(first.saved().applied_in_a_row, 1500);
  second.restore(first.saved());
  for (int i = 0; i < 500; ++i) {
    first.update(kApplied);
    second.update(kApplied);
  }
  EXPECT_EQ(scale_of(second), 65536);
  EXPECT_EQ(scale_of(first), scale_of(second));
}

}  // namespace
}  // namespace lockstep::optim
