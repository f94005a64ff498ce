#include "stop_signal.h"

#include <csignal>

#include <gtest/gtest.h>
#include <unistd.h>

#include "lockstep/core/file.h"
#include "support/temp_folder.h"

namespace lockstep::train {
namespace {

using testing::ExitedWithCode;

// Each in a process of its own: what a signal asked for cannot be taken back.
[[noreturn]] void end(bool as_it_should) { ::_exit(as_it_should ? 0 : 1); }

/// Seconds until the process would give up; 0: it will not.
unsigned seconds_left() { return ::alarm(0); }

void begin_training() {
  catch_stop_signals();
  begin_orderly_stop();
  expect_agreement(1);  // a first step
}

TEST(StopSignal, EndsTheProcessWhileThereIsNothingToSave) {
  for (const int number : {SIGUSR1, SIGTERM, SIGINT})
    EXPECT_EXIT((catch_stop_signals(), ::raise(number), end(true)), ExitedWithCode(130), "");
}

TEST(StopSignal, IsAWishOnceTrainingHasBegun) {
  for (const int number : {SIGUSR1, SIGTERM, SIGINT})
    EXPECT_EXIT((begin_training(), ::raise(number), end(stop_requested() && seconds_left() == 10)), ExitedWithCode(0),
                "");
}

TEST(StopSignal, OfASecondInterruptEndsTheProcess) {
  EXPECT_EXIT((begin_training(), ::raise(SIGINT), ::raise(SIGINT), end(true)), ExitedWithCode(130), "");
  EXPECT_EXIT((begin_training(), ::raise(SIGINT), ::raise(SIGTERM), end(true)), ExitedWithCode(0), "");
}

TEST(StopSignal, IsGivenThreeLongStepsOfTime) {
  EXPECT_EXIT((begin_training(), expect_agreement(25), ::raise(SIGTERM), end(seconds_left() == 26)), ExitedWithCode(0),
              "");
}

TEST(StopSignal, IsNotGivenUpBeforeTheFirstStepAndWhileWorkIsLong) {
  EXPECT_EXIT((catch_stop_signals(), begin_orderly_stop(), ::raise(SIGTERM), end(seconds_left() == 0)),
              ExitedWithCode(0), "");
  EXPECT_EXIT((begin_training(), postpone_agreement(), ::raise(SIGTERM), end(seconds_left() == 0)), ExitedWithCode(0),
              "");
  EXPECT_EXIT(
      (begin_training(), postpone_agreement(), ::raise(SIGTERM), expect_agreement(1), end(seconds_left() == 10)),
      ExitedWithCode(0), "")
      << "the time begins with the next step";
  EXPECT_EXIT((begin_training(), ::raise(SIGTERM), postpone_agreement(), ::raise(SIGALRM), end(true)),
              ExitedWithCode(0), "")
      << "an alarm that was set before counts for nothing";
}

TEST(StopSignal, ThatIsAgreedOnIsNotGivenUp) {
  EXPECT_EXIT((begin_training(), ::raise(SIGTERM), stop_is_agreed(), expect_agreement(1), end(seconds_left() == 0)),
              ExitedWithCode(0), "");
}

TEST(StopSignal, ThatCannotBeAgreedOnIsGivenUp) {
  EXPECT_EXIT((begin_training(), ::raise(SIGTERM), ::raise(SIGALRM), end(true)), ExitedWithCode(130),
              "could not agree");
}

TEST(StopSignal, BehindAnErrorEndsTheProcessWithItsCode) {
  for (const int number : {SIGUSR1, SIGTERM, SIGINT}) {
    EXPECT_EXIT((catch_stop_signals(), leave_with(2), ::raise(number), end(true)), ExitedWithCode(2), "");
    EXPECT_EXIT((begin_training(), leave_with(3), ::raise(number), end(true)), ExitedWithCode(3), "");
  }
  EXPECT_EXIT((begin_training(), ::raise(SIGTERM), leave_with(3), ::raise(SIGALRM), end(true)), ExitedWithCode(0), "")
      << "it has its own time to tell the others";
}

TEST(StopSignal, RemovesTheFileThatCountsFailures) {
  const test::TempFolder folder;
  const Path file = folder / "attempts.json";
  write_atomic(file, "{}");
  EXPECT_EXIT((begin_training(), remove_when_asked(file.c_str()), ::raise(SIGUSR1), end(true)), ExitedWithCode(0), "");
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace lockstep::train
