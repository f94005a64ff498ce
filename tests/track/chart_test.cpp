#include "lockstep/track/chart.h"

#include <gtest/gtest.h>

namespace lockstep::track {
namespace {

size_t count_of(const std::string& text, const std::string& piece) {
  size_t count = 0;
  for (size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) ++count;
  return count;
}

TEST(BarChart, HasABarForEachValueAndTheLongestForTheLargest) {
  const std::string text =
      svg({.title = "t", .names = {"cat", "dog"}, .series = {{"train", {10, 20}}, {"val", {5, 0}}}});
  EXPECT_EQ(count_of(text, "<rect"), 4u + 2u) << "and two in the legend";
  EXPECT_EQ(count_of(text, "width=\"520.0\""), 1u);
  EXPECT_EQ(count_of(text, "width=\"260.0\""), 1u);
  EXPECT_EQ(count_of(text, "width=\"130.0\""), 1u);
  EXPECT_EQ(count_of(text, ">cat</text>"), 1u);
  EXPECT_TRUE(text.ends_with("</svg>\n"));
}

TEST(BarChart, EscapesNames) {
  const std::string text = svg({.title = "<a> & \"b\"", .names = {"\xff\x01"}, .series = {{"s", {0}}}});
  EXPECT_NE(text.find("&lt;a&gt; &amp; \"b\""), std::string::npos);
  EXPECT_NE(text.find(">\xEF\xBF\xBD</text>"), std::string::npos);
}

TEST(BarChart, OfNothingIsStillAPicture) { EXPECT_TRUE(svg({}).starts_with("<svg")); }

}  // namespace
}  // namespace lockstep::track
