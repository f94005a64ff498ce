#include "lockstep/core/thread.h"

#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(Cores, OfAMaskThatIsTheGroupsAreShared) {
  EXPECT_EQ(cores_of_process({.mask = 32, .group = 32}, 4), 8);
  EXPECT_EQ(cores_of_process({.mask = 8, .group = 8}, 3), 2);
}

TEST(Cores, OfASmallerMaskAreTheProcessesOwn) { EXPECT_EQ(cores_of_process({.mask = 8, .group = 32}, 4), 8); }

TEST(Cores, OfAQuotaAreSharedWhateverTheMask) {
  EXPECT_EQ(cores_of_process({.mask = 96, .group = 96, .quota = 8}, 4), 2);
  EXPECT_EQ(cores_of_process({.mask = 24, .group = 96, .quota = 8}, 4), 2);
  EXPECT_EQ(cores_of_process({.mask = 2, .group = 2, .quota = 64}, 1), 2);
  EXPECT_EQ(cores_of_process({.mask = 4, .group = 4, .quota = 1.5}, 1), 2);
}

TEST(Cores, AreAtLeastOne) {
  EXPECT_EQ(cores_of_process({.mask = 2, .group = 2, .quota = 0.1}, 8), 1);
  EXPECT_EQ(cores_of_process({.mask = 1, .group = 1}, 0), 1);
}

TEST(Cores, OfThisProcessAreFound) {
  const CoreLimits limits = core_limits();
  EXPECT_GE(limits.mask, 1);
  EXPECT_GE(limits.group, limits.mask);
  EXPECT_GE(limits.quota, 0);
  EXPECT_GE(available_cores(), 1);
  EXPECT_LE(available_cores(), limits.mask);
  EXPECT_LE(cores_of_process(2), available_cores());
}

}  // namespace
}  // namespace lockstep
