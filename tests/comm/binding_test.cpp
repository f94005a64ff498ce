#include "binding.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep::comm {
namespace {

Launch started_by_mpirun(int local_rank, int local_size) {
  return {.rank = local_rank,
          .size = local_size,
          .local_rank = local_rank,
          .local_size = local_size,
          .host = "node1",
          .launcher = "mpirun"};
}

TEST(Binding, OneRankOnOneOfManyCoresIsNamed) {
  const std::string note = describe_binding(started_by_mpirun(0, 1), 1, 8);
  test::expect_contains(note, "node1");
  test::expect_contains(note, "one of its 8 cores");
  test::expect_contains(note, "launch/mpirun");
}

TEST(Binding, IsNoMatterWhereEveryCoreHasARank) { EXPECT_EQ(describe_binding(started_by_mpirun(0, 2), 1, 2), ""); }

TEST(Binding, IsNoMatterWhereTheRankHasMoreCores) { EXPECT_EQ(describe_binding(started_by_mpirun(0, 2), 4, 8), ""); }

TEST(Binding, OnlyTheFirstRankOfAHostSpeaks) { EXPECT_EQ(describe_binding(started_by_mpirun(1, 2), 1, 8), ""); }

TEST(Binding, AProcessStartedByHandIsAsItsUserWantsIt) {
  Launch launch = started_by_mpirun(0, 1);
  launch.launcher = "";
  EXPECT_EQ(describe_binding(launch, 1, 8), "");
}

}  // namespace
}  // namespace lockstep::comm
