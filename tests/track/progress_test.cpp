#include "lockstep/track/progress.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep::track {
namespace {

TEST(Progress, SaysHowFarAndHowFast) {
  Progress progress("packing", 5000);
  progress.update(1200);
  const std::string line = progress.line("val");
  EXPECT_TRUE(line.starts_with("packing  1200/5000  24%  ")) << line;
  test::expect_contains(line, " images/s  ETA ");
  EXPECT_TRUE(line.ends_with("  val")) << line;
  EXPECT_GT(progress.rate(), 0);
}

TEST(Progress, LeavesOutWhatAnUnknownTotalCannotTell) {
  Progress progress("reading", 0, "records");
  progress.update(7);
  const std::string line = progress.line();
  EXPECT_TRUE(line.starts_with("reading  7  ")) << line;
  EXPECT_TRUE(line.ends_with(" records/s")) << line;
}

TEST(Progress, IsSilentWhereThereIsNoTerminal) {
  testing::internal::CaptureStderr();
  {
    Progress progress("packing", 10);
    for (int i = 0; i <= 10; ++i) progress.update(i);
    progress.finish();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace lockstep::track
