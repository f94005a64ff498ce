#include "stop_wish.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>

#include <gtest/gtest.h>

#include "lockstep/core/file.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::train {
namespace {

/// Waits at most ten seconds for the thread that looks at the notice.
bool comes(StopWish& wish) {
  for (int i = 0; i < 100 && !wish.wants(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return wish.wants();
}

TEST(Duration, IsReadInAllItsForms) {
  EXPECT_EQ(parse_duration("90s"), 90);
  EXPECT_EQ(parse_duration("45m"), 45 * 60);
  EXPECT_EQ(parse_duration("3h30m"), 3.5 * 3600);
  EXPECT_EQ(parse_duration("1.5h"), 5400);
  EXPECT_EQ(parse_duration("2d"), 172800);
  EXPECT_EQ(parse_duration("12:00:05"), 43205);
  EXPECT_EQ(parse_duration("1-12:00:00"), 36 * 3600);
  for (const char* wrong : {"", "90", "m", "3x", "-1h", "1:00", "x-1:00:00", "1h30", "0s"})
    EXPECT_FALSE(parse_duration(wrong).has_value()) << wrong;
}

TEST(StopWish, IsThereWhenTheTimeIsNearlyUp) {
  lockstep::Run run;
  EXPECT_FALSE(StopWish(run).wants());
  run.time_limit = "1h";
  StopWish wish(run);
  EXPECT_FALSE(wish.wants());
  EXPECT_TRUE(wish.reason().empty());
  wish.expect(1801);  // a step and a save of half an hour each way would not fit
  EXPECT_TRUE(wish.wants());
  EXPECT_EQ(wish.reason(), "run.time_limit");
  run.time_limit = "5s";
  EXPECT_TRUE(StopWish(run).wants()) << "less than the time that a save is given at least";
}

TEST(StopWish, KnowsSlurmsLimit) {
  lockstep::Run run;
  run.time_limit = "1h";
  ::setenv("SLURM_JOB_END_TIME", std::to_string(std::time(nullptr) + 5).c_str(), 1);
  StopWish soon(run);
  EXPECT_TRUE(soon.wants());
  EXPECT_EQ(soon.reason(), "Slurm's time limit");
  ::setenv("SLURM_JOB_END_TIME", std::to_string(std::time(nullptr) + 86400).c_str(), 1);
  EXPECT_FALSE(StopWish(run).wants());
  ::unsetenv("SLURM_JOB_END_TIME");
}

/// A job of a Slurm that does not tell its end in the environment; squeue says `left`.
class OldSlurm {
 public:
  explicit OldSlurm(const std::string& left) : path_(std::getenv("PATH")) {
    const Path tool = folder_ / "squeue";
    write_atomic(tool, "#!/bin/sh\ncase \"$*\" in *--jobs=4711) echo \"" + left + "\";; esac\n");
    std::filesystem::permissions(tool, std::filesystem::perms::owner_all);
    ::setenv("PATH", (folder_.path().string() + ":" + path_).c_str(), 1);
    ::setenv("SLURM_JOB_ID", "4711", 1);
    ::setenv("SLURM_PROCID", "0", 1);
  }
  ~OldSlurm() {
    ::setenv("PATH", path_.c_str(), 1);
    ::unsetenv("SLURM_JOB_ID");
    ::unsetenv("SLURM_PROCID");
  }

 private:
  const test::TempFolder folder_;
  const std::string path_;
};

TEST(StopWish, AsksSqueueForTheLimitWhereTheEnvironmentDoesNotSay) {
  for (const char* left : {"0:14", "00:14", "0:00:14", "0-00:00:14"}) {
    const OldSlurm slurm(left);
    StopWish wish((lockstep::Run()));
    EXPECT_TRUE(wish.wants()) << left;
    EXPECT_EQ(wish.reason(), "Slurm's time limit");
  }
  for (const char* left : {"1:00", "2:00:00", "1-00:00:00", "UNLIMITED", "INVALID", ""}) {
    const OldSlurm slurm(left);
    EXPECT_FALSE(StopWish(lockstep::Run()).wants()) << left;
  }
  const OldSlurm slurm("0:14");
  ::setenv("SLURM_PROCID", "1", 1);
  EXPECT_FALSE(StopWish(lockstep::Run()).wants()) << "one rank asks for all";
}

TEST(StopWish, RefusesATimeThatIsNone) {
  lockstep::Run run;
  run.time_limit = "soon";
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [&] { StopWish wish(run); }), "\"soon\"");
}

TEST(StopWish, SeesAFileOrACommandThatSucceeds) {
  const test::TempFolder folder;
  lockstep::Run run;
  run.preemption_notice = (folder / "notice").string();
  StopWish absent(run);
  EXPECT_FALSE(absent.wants());
  write_atomic(folder / "notice", "");
  StopWish there(run);
  EXPECT_TRUE(comes(there));
  EXPECT_EQ(there.reason(), "run.preemption_notice");
  run.preemption_notice = "test -e " + (folder / "notice").string();
  StopWish command(run);
  EXPECT_TRUE(comes(command));
  run.preemption_notice = "test -e " + (folder / "nothing").string();
  StopWish fails(run);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_FALSE(fails.wants());
}

}  // namespace
}  // namespace lockstep::train
