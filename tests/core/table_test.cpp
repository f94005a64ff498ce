#include "lockstep/core/table.h"

#include <array>

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep {
namespace {

constexpr std::array kRows = {Entry<int>{"sgd", "momentum", 1}, Entry<int>{"adam", "moments", 2}};

TEST(Table, FindsARowByName) { EXPECT_EQ(find_entry(std::span<const Entry<int>>(kRows), "adam", "optimizer").make, 2); }

TEST(Table, NamesTheNearestRowAndListsAll) {
  const std::string message =
      test::expect_error(ErrorKind::kUsage, [] { find_entry(std::span<const Entry<int>>(kRows), "sdg", "optimizer"); });
  test::expect_contains(message, "did you mean \"sgd\"?");
  test::expect_contains(message, "sgd, adam");
}

TEST(Error, TheKindDecidesTheExitCode) {
  EXPECT_EQ(exit_code(ErrorKind::kUsage), 2);
  EXPECT_EQ(exit_code(ErrorKind::kData), 3);
  EXPECT_EQ(exit_code(ErrorKind::kIo), 4);
  EXPECT_EQ(exit_code(ErrorKind::kComm), 5);
  EXPECT_EQ(exit_code(ErrorKind::kDevice), 6);
  EXPECT_EQ(exit_code(ErrorKind::kBug), 70);
}

TEST(Error, RequireThrowsOnlyWhenTheConditionFails) {
  EXPECT_NO_THROW(require(true, ErrorKind::kBug, "no"));
  EXPECT_EQ(test::expect_error(ErrorKind::kData, [] { require(false, ErrorKind::kData, "record ", 7, " is bad"); }),
            "record 7 is bad");
}

}  // namespace
}  // namespace lockstep
