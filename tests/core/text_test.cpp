#include "lockstep/core/text.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace lockstep {
namespace {

TEST(Text, FormatsLikePrintf) { EXPECT_EQ(format("%.3f %s %04d", 1.0, "a", 7), "1.000 a 0007"); }

TEST(Text, SplitKeepsEmptyFields) {
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string>{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (std::vector<std::string>{""}));
}

TEST(Text, JoinIsTheOppositeOfSplit) {
  const std::vector<std::string> fields{"a", "", "b"};
  EXPECT_EQ(split(join(fields, "\t"), '\t'), fields);
}

TEST(Text, TrimTakesWhiteSpaceAtBothEnds) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

TEST(Text, NumbersMustBeTheWholeText) {
  EXPECT_EQ(parse_integer("42"), 42);
  EXPECT_EQ(parse_integer("+7"), 7);
  EXPECT_EQ(parse_integer("-7"), -7);
  for (const char* bad : {"", "4 2", "42x", " 42", "1e3", "99999999999999999999", "+-1"})
    EXPECT_FALSE(parse_integer(bad)) << bad;
  EXPECT_EQ(parse_number("1e-8"), 1e-8);
  EXPECT_EQ(parse_number("0.1"), 0.1);
  for (const char* bad : {"", "0,1", "1.0 ", "1e999", "x"}) EXPECT_FALSE(parse_number(bad)) << bad;
}

TEST(Text, BytesAndDurationsAreForPeople) {
  EXPECT_EQ(bytes_text(12), "12 B");
  EXPECT_EQ(bytes_text(18'400'000), "18.4 MB");
  EXPECT_EQ(bytes_text(184'000'000), "184 MB");
  EXPECT_EQ(duration_text(1.25), "1.2 s");
  EXPECT_EQ(duration_text(59), "59 s");
  EXPECT_EQ(duration_text(185), "3 min 05 s");
  EXPECT_EQ(duration_text(7800), "2 h 10 min");
}

TEST(Text, NearestFindsATypingMistakeAndNothingFarOff) {
  const std::vector<std::string> keys{"learning_rate", "momentum", "epochs"};
  EXPECT_EQ(nearest("learning_rte", keys), "learning_rate");
  EXPECT_EQ(nearest("Epoch", keys), "epochs");
  EXPECT_EQ(nearest("batch_size", keys), "");
}

}  // namespace
}  // namespace lockstep
