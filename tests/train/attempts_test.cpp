#include "attempts.h"

#include <gtest/gtest.h>

#include "support/temp_folder.h"

namespace lockstep::train {
namespace {

TEST(Attempts, CountStartsThatNeverGotOn) {
  const test::TempFolder folder;
  EXPECT_EQ(Attempts(folder.path()).begin(40), 0);
  EXPECT_EQ(Attempts(folder.path()).begin(40), 1);
  EXPECT_EQ(Attempts(folder.path()).begin(40), 2);
  EXPECT_EQ(Attempts(folder.path()).begin(40), Attempts::kMost);
  EXPECT_EQ(Attempts(folder.path()).begin(40), Attempts::kMost) << "and stays there";
}

TEST(Attempts, BeginAnewBehindAnotherStepOrASuccess) {
  const test::TempFolder folder;
  Attempts(folder.path()).begin(40);
  EXPECT_EQ(Attempts(folder.path()).begin(50), 0);
  Attempts again(folder.path());
  EXPECT_EQ(again.begin(50), 1);
  again.succeed();
  EXPECT_EQ(Attempts(folder.path()).begin(50), 0);
}

TEST(Attempts, SurviveAFileThatIsDamaged) {
  const test::TempFolder folder;
  write_atomic(folder / "attempts.json", "{\"step\": 40, \"sta");
  EXPECT_EQ(Attempts(folder.path()).begin(40), 0);
}

}  // namespace
}  // namespace lockstep::train
