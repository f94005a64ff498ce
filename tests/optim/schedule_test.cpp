#include "lockstep/optim/schedule.h"

#include <gtest/gtest.h>

namespace lockstep::optim {
namespace {

TEST(Schedule, DropsWithTheFirstStepBehindTheEpoch) {
  const Schedule schedule(0.1, {2, 3}, 0.1, 10);
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(19), 0.1);
  EXPECT_DOUBLE_EQ(schedule.at(20), 0.01);
  EXPECT_DOUBLE_EQ(schedule.at(29), 0.01);
  EXPECT_DOUBLE_EQ(schedule.at(30), 0.001);
  EXPECT_DOUBLE_EQ(schedule.at(1000), 0.001);
}

TEST(Schedule, IsAFunctionOfTheStepAlone) {
  const Schedule schedule(0.1, {1}, 0.5, 4);
  EXPECT_DOUBLE_EQ(schedule.at(7), 0.05);
  EXPECT_DOUBLE_EQ(schedule.at(3), 0.1);
}

TEST(Schedule, StaysWhereNoEpochIsGiven) { EXPECT_DOUBLE_EQ(Schedule(0.3, {}, 0.1, 10).at(1000000), 0.3); }

}  // namespace
}  // namespace lockstep::optim
