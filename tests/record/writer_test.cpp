#include "lockstep/record/writer.h"

#include <gtest/gtest.h>

#include "bytes.h"
#include "lockstep/record/format.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace lockstep::record {
namespace {

using test::kMagicText;

struct Case {
  std::string payload;
  const char* file;
};

class WriterVectors : public testing::TestWithParam<Case> {};

TEST_P(WriterVectors, AreThoseOfMxnet) {
  test::TempFolder folder;
  Writer writer(folder / "a.rec", folder / "a.idx");
  writer.write(7, test::as_bytes(GetParam().payload));
  writer.finish();
  EXPECT_EQ(read_bytes(folder / "a.rec"), test::from_hex(GetParam().file));
  EXPECT_EQ(read_text(folder / "a.idx"), "7\t0\n");
}

INSTANTIATE_TEST_SUITE_P(
    Payloads, WriterVectors,
    testing::Values(Case{"", "0a23d7ce 00000000"}, Case{"abc", "0a23d7ce 03000000 616263 00"},
                    Case{"record_0", "0a23d7ce 08000000 7265636f72645f30"},
                    Case{"abcd" + kMagicText + "xyz", "0a23d7ce 04000020 61626364 0a23d7ce 03000060 78797a 00"},
                    Case{kMagicText, "0a23d7ce 00000020 0a23d7ce 00000060"},
                    Case{kMagicText + kMagicText, "0a23d7ce 00000020 0a23d7ce 00000040 0a23d7ce 00000060"},
                    Case{kMagicText + "\x01", "0a23d7ce 00000020 0a23d7ce 01000060 01 000000"},
                    Case{"a" + kMagicText + "bcd", "0a23d7ce 08000000 61 0a23d7ce 626364"}));

TEST(RecordWriter, IndexesEachRecordByItsFirstByte) {
  test::TempFolder folder;
  Writer writer(folder / "a.rec", folder / "a.idx");
  for (const uint64_t key : {4, 0, 9}) writer.write(key, test::as_bytes("record_0"));
  writer.finish();
  EXPECT_EQ(read_text(folder / "a.idx"), "4\t0\n0\t16\n9\t32\n");
}

TEST(RecordWriter, WritesNoIndexWhenNoneIsAsked) {
  test::TempFolder folder;
  Writer writer(folder / "a.rec", {});
  writer.write(0, test::as_bytes("abc"));
  writer.finish();
  EXPECT_FALSE(std::filesystem::exists(folder / "a.idx"));
}

TEST(RecordWriter, RefusesMoreThanTheFrameCanSay) {
  test::TempFolder folder;
  Writer writer(folder / "a.rec", folder / "a.idx");
  // Never touched: the size alone decides, so no such memory is needed.
  const Bytes too_long(static_cast<const std::byte*>(nullptr), kMaxRecordBytes + 1);
  const auto message = test::expect_error(ErrorKind::kData, [&] { writer.write(3, too_long); });
  test::expect_contains(message, "record 3 has 536870912 bytes");
}

TEST(RecordWriter, NamesAFolderThatIsNotThere) {
  const auto message = test::expect_error(ErrorKind::kIo, [] { Writer writer("/nonexistent/a.rec", {}); });
  test::expect_contains(message, "/nonexistent/a.rec");
}

}  // namespace
}  // namespace lockstep::record
