#include "csv.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::data {
namespace {

std::vector<CsvRow> rows_of(const std::string& text) {
  test::TempFolder folder;
  write_atomic(folder / "a.csv", text);
  return read_csv(folder / "a.csv");
}

using Fields = std::vector<std::string>;

TEST(Csv, ReadsRowsAndSkipsBlankLines) {
  const auto rows = rows_of(
      "\xEF\xBB\xBF"
      "file,a , b\r\n\r\nx.jpg,1,0\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].fields, (Fields{"file", "a", "b"}));
  EXPECT_EQ(rows[1].fields, (Fields{"x.jpg", "1", "0"}));
  EXPECT_EQ(rows[1].line, 3u);
}

TEST(Csv, ReadsQuotedFields) {
  const auto rows = rows_of("\"a, \"\"b\"\"\",\"two\nlines\"\nlast,\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].fields, (Fields{"a, \"b\"", "two\nlines"}));
  EXPECT_EQ(rows[1].fields, (Fields{"last", ""}));
  EXPECT_EQ(rows[1].line, 3u);
}

TEST(Csv, NamesTheLineOfAMistake) {
  test::expect_contains(test::expect_error(ErrorKind::kData, [] { rows_of("a,b\n1,2\n3\n"); }), "a.csv:3: 1 fields");
  test::expect_contains(test::expect_error(ErrorKind::kData, [] { rows_of("a,b\n1,\"2\n"); }), "a.csv:2: a quote");
}

}  // namespace
}  // namespace lockstep::data
