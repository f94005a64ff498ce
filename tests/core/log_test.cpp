#include "lockstep/core/log.h"

#include <regex>

#include <gtest/gtest.h>

#include "lockstep/core/file.h"
#include "lockstep/core/hash.h"
#include "lockstep/core/thread.h"
#include "support/temp_folder.h"

namespace lockstep {
namespace {

TEST(Log, WritesSagemakersPrefixToOutputAndFile) {
  const test::TempFolder folder;
  testing::internal::CaptureStdout();
  log::start(0, 1, (folder / "log.txt").string());
  log::info("Epoch[0] Train-accuracy=", 0.5);
  const std::string printed = testing::internal::GetCapturedStdout();
  const std::regex line(R"(\[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d INFO \d+\] Epoch\[0\] Train-accuracy=0\.5\n)");
  EXPECT_TRUE(std::regex_match(printed, line)) << printed;
  EXPECT_EQ(read_text(folder / "log.txt"), printed);
}

TEST(Log, RanksOtherThanZeroPrintOnlyWarningsAndErrorsWithTheirRank) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  log::start(3, 4, "");
  log::info("hidden");
  log::warning("slow disk");
  log::error("gone");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_NE(printed.find("WARNING"), std::string::npos);
  EXPECT_NE(printed.find("] [rank 3] slow disk\n"), std::string::npos) << printed;
  EXPECT_NE(printed.find("ERROR"), std::string::npos);
  log::start(0, 1, "");
}

TEST(Hash, IsXxh3AndDependsOnTheSeed) {
  EXPECT_EQ(hash_text(hash(std::string_view(""))), "2d06800538d394c2");  // published test value of XXH3-64
  EXPECT_NE(hash(std::string_view("a")), hash(std::string_view("a"), 1));
  EXPECT_EQ(hash_text(255), "00000000000000ff");
}

TEST(Thread, AtLeastOneCoreIsAvailable) { EXPECT_GE(available_cores(), 1); }

}  // namespace
}  // namespace lockstep
