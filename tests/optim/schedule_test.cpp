#include "lockstep/optim/schedule.h"

#include <cmath>

#include <gtest/gtest.h>

namespace lockstep::optim {
namespace {

TEST(Schedule, DropsWithTheFirstStepBehindTheEpoch) {
  const Schedule schedule(
      {.rate = 0.1, .steps_per_epoch = 10, .epochs = 5, .drop_after_epochs = {2, 3}, .factor = 0.1});
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(19), 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(20), 0.01);
  EXPECT_DOUBLE_EQ(schedule.at(29), 0.01);
  EXPECT_DOUBLE_EQ(schedule.at(30), 0.001);
  EXPECT_DOUBLE_EQ(schedule.at(1000), 0.001);
}

TEST(Schedule, IsAFunctionOfTheStepAlone) {
  const Schedule schedule({.rate = 0.1, .steps_per_epoch = 4, .epochs = 5, .drop_after_epochs = {1}, .factor = 0.5});
  EXPECT_DOUBLE_EQ(schedule.at(7), 0.05);
  EXPECT_DOUBLE_EQ(schedule.at(3), 0.1);
}

TEST(Schedule, StaysWhereNoEpochIsGiven) {
  EXPECT_DOUBLE_EQ(Schedule({.rate = 0.3, .steps_per_epoch = 10}).at(1000000), 0.3);
}

TEST(Schedule, RisesToTheRateAndGoesOnFromThere) {
  const Schedule schedule(
      {.rate = 0.4, .steps_per_epoch = 8, .epochs = 4, .drop_after_epochs = {2}, .warmup_epochs = 0.5});
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(2), 0.3);
  EXPECT_DOUBLE_EQ(schedule.at(3), 0.4);
  EXPECT_DOUBLE_EQ(schedule.at(15), 0.4);
  EXPECT_DOUBLE_EQ(schedule.at(16), 0.04);
}

TEST(Schedule, RoundsTheWarmUpToWholeSteps) {
  const Schedule schedule({.rate = 0.4, .steps_per_epoch = 7, .epochs = 4, .warmup_epochs = 0.3});  // 2.1 steps
  EXPECT_EQ(schedule.at(0), 0.2);
  EXPECT_EQ(schedule.at(1), 0.4);
  EXPECT_EQ(schedule.at(2), 0.4);
}

TEST(Schedule, OfStepsMultipliesFactorByFactor) {
  const Schedule schedule(
      {.rate = 0.1, .steps_per_epoch = 3, .epochs = 30, .drop_after_epochs = {2, 3, 5, 7, 11}, .factor = 0.3});
  EXPECT_EQ(schedule.at(1000), 0.1 * 0.3 * 0.3 * 0.3 * 0.3 * 0.3) << "bit for bit: a run that goes on must not drift";
}

TEST(Schedule, DropsBehindItsEpochAlsoWhereThatLiesInTheWarmUp) {
  const Schedule schedule(
      {.rate = 0.4, .steps_per_epoch = 4, .epochs = 4, .drop_after_epochs = {1}, .factor = 0.5, .warmup_epochs = 2});
  EXPECT_EQ(schedule.at(7), 0.4);
  EXPECT_EQ(schedule.at(8), 0.2);
}

TEST(Schedule, FallsAlongACosineToTheFinalRate) {
  const Schedule schedule(
      {.rate = 1, .steps_per_epoch = 10, .epochs = 3, .shape = "cosine", .final_rate = 0.2, .warmup_epochs = 1});
  EXPECT_DOUBLE_EQ(schedule.at(10), 1);
  EXPECT_DOUBLE_EQ(schedule.at(20), 0.6);
  EXPECT_NEAR(schedule.at(15), 0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_DOUBLE_EQ(schedule.at(30), 0.2);
  EXPECT_DOUBLE_EQ(schedule.at(1000), 0.2);
}

TEST(Schedule, FallsByAPower) {
  const Schedule schedule({.rate = 1, .steps_per_epoch = 10, .epochs = 2, .shape = "polynomial", .power = 2});
  EXPECT_DOUBLE_EQ(schedule.at(0), 1);
  EXPECT_DOUBLE_EQ(schedule.at(10), 0.25);
  EXPECT_DOUBLE_EQ(schedule.at(20), 0);
}

TEST(Schedule, OfNothingButAWarmUpEndsAtTheRate) {
  const Schedule schedule({.rate = 1, .steps_per_epoch = 5, .epochs = 2, .shape = "cosine", .warmup_epochs = 2});
  EXPECT_DOUBLE_EQ(schedule.at(9), 1);
  EXPECT_DOUBLE_EQ(schedule.at(10), 0);
}

}  // namespace
}  // namespace lockstep::optim
