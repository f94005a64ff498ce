#include "one_line.h"

#include <gtest/gtest.h>

namespace lockstep::data {
namespace {

TEST(OneLine, ShowsControlCharactersAndLeavesTheRest) {
  EXPECT_EQ(one_line("a b/\xC3\xA9t\xC3\xA9\\.jpg"), "a b/\xC3\xA9t\xC3\xA9\\.jpg");
  EXPECT_EQ(one_line("p\n2\t\r.jpg"), "p\\n2\\t\\x0D.jpg");
  EXPECT_EQ(one_line("\x1B[31mred\x7F"), "\\x1B[31mred\\x7F");
}

}  // namespace
}  // namespace lockstep::data
