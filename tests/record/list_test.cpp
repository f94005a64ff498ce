#include "lockstep/record/list.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::record {
namespace {

List read_text_as_list(const std::string& text) {
  test::TempFolder folder;
  write_atomic(folder / "a.lst", text);
  return read_list(folder / "a.lst");
}

std::string mistakes_of(const std::string& text) {
  return test::expect_error(ErrorKind::kData, [&] { read_text_as_list(text); });
}

TEST(List, ReadsOneLabel) {
  const auto list = read_text_as_list("7\t1\tdogs/rex.jpg\n4200\t0.000000\tcats/tom 2.jpg\n");
  ASSERT_EQ(list.entries.size(), 2u);
  EXPECT_EQ(list.entries[1].index, 4200u);
  EXPECT_EQ(list.entries[0].labels, std::vector<float>{1});
  EXPECT_EQ(list.entries[1].path, "cats/tom 2.jpg");
  EXPECT_FALSE(list.class_ids);
}

TEST(List, ReadsAColumnForEachLabel) {
  EXPECT_EQ(read_text_as_list("0\t1\t0\t1\ta.jpg\n").entries[0].labels, (std::vector<float>{1, 0, 1}));
}

TEST(List, ReadsClassIdsInOneColumn) {
  const auto list = read_text_as_list("0\t0,2,5\ta.jpg\n1\t3\tb.jpg\n");
  EXPECT_TRUE(list.class_ids);
  EXPECT_EQ(list.entries[0].labels, (std::vector<float>{0, 2, 5}));
  EXPECT_EQ(list.entries[1].labels, std::vector<float>{3});
}

TEST(List, SkipsBlankLinesAndCarriageReturns) {
  const auto list = read_text_as_list(
      "\xEF\xBB\xBF"
      "0\t1\ta.jpg\r\n\r\n   \n1\t0\tb.jpg");
  ASSERT_EQ(list.entries.size(), 2u);
  EXPECT_EQ(list.entries[0].path, "a.jpg");
}

TEST(List, NamesFileLineAndTextOfAMistake) {
  const auto message = mistakes_of("0\t1\ta.jpg\nb.jpg,1\n");
  test::expect_contains(message, "a.lst:2: \"b.jpg,1\": has 1 of at least 3 fields");
  test::expect_contains(message, "index TAB label");
}

TEST(List, RefusesAnIndexOrLabelThatIsNoNumber) {
  test::expect_contains(mistakes_of("x\t1\ta.jpg\n"), "index \"x\"");
  test::expect_contains(mistakes_of("-1\t1\ta.jpg\n"), "index \"-1\"");
  test::expect_contains(mistakes_of("0\tdog\ta.jpg\n"), "label \"dog\"");
  test::expect_contains(mistakes_of("0\tnan\ta.jpg\n"), "label \"nan\"");
  test::expect_contains(mistakes_of("0\t1,x\ta.jpg\n"), "label \"x\"");
  test::expect_contains(mistakes_of("0\t1,2.5\ta.jpg\n"), "class id 2.5");
}

TEST(List, ShowsTenMistakesAndCountsTheRest) {
  std::string text;
  for (int i = 0; i < 25; ++i) text += "wrong\n";
  const auto message = mistakes_of(text);
  test::expect_contains(message, ":10: ");
  EXPECT_EQ(message.find(":11: "), std::string::npos);
  test::expect_contains(message, "and 15 more");
}

TEST(List, RefusesClassIdsBesideColumns) {
  test::expect_contains(mistakes_of("0\t0,1\ta.jpg\n1\t0\t1\tb.jpg\n"), "comma-separated");
}

TEST(List, WritesAsIm2recDoes) {
  test::TempFolder folder;
  write_list(folder / "a.lst", {{3, {1}, "b/c d.jpg"}, {0, {0, 0.25f}, "a.jpg"}});
  EXPECT_EQ(read_text(folder / "a.lst"), "3\t1.000000\tb/c d.jpg\n0\t0.000000\t0.250000\ta.jpg\n");
}

}  // namespace
}  // namespace lockstep::record
