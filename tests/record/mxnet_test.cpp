#include <gtest/gtest.h>

#include "bytes.h"
#include "lockstep/record/image_record.h"
#include "lockstep/record/reader.h"
#include "lockstep/record/writer.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::record {
namespace {

using test::kMagicText;

/// The records of tests/mxnet/records.py.
std::vector<std::vector<std::byte>> payloads() {
  std::string all_bytes;
  for (int i = 0; i < 256 * 40; ++i) all_bytes += static_cast<char>(i % 256);
  std::vector<std::vector<std::byte>> result;
  for (const auto& text : {std::string(), std::string("abc"), std::string("record_0"), "abcd" + kMagicText + "xyz",
                           kMagicText, kMagicText + kMagicText, kMagicText + "\x01", "a" + kMagicText + "bcd",
                           all_bytes + kMagicText + kMagicText + kMagicText + "tail"}) {
    const Bytes bytes = test::as_bytes(text);
    result.emplace_back(bytes.begin(), bytes.end());
  }
  pack(7, std::vector<float>{3}, false, test::as_bytes("picture"), result.emplace_back());
  pack(8, std::vector<float>{1, 0, 1}, true, test::as_bytes("picture"), result.emplace_back());
  return result;
}

class RealMxnet : public testing::Test {
 protected:
  void SetUp() override {
    if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  }
  test::TempFolder folder_;
};

TEST_F(RealMxnet, WritesTheSameFileAndIndex) {
  const auto outcome = test::run_mxnet("records.py", "write " + folder_.path().string());
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  Writer writer(folder_ / "a.rec", folder_ / "a.idx");
  uint64_t key = 0;
  for (const auto& payload : payloads()) writer.write(key++, payload);
  writer.finish();
  EXPECT_EQ(read_bytes(folder_ / "a.rec"), read_bytes(folder_ / "m.rec"));
  EXPECT_EQ(read_text(folder_ / "a.idx"), read_text(folder_ / "m.idx"));
  const auto judged = test::run_mxnet("records.py", "read " + folder_.path().string());
  EXPECT_EQ(judged.status, 0) << judged.output;
}

TEST_F(RealMxnet, IsReadBack) {
  const auto outcome = test::run_mxnet("records.py", "write " + folder_.path().string());
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  const Reader reader(folder_ / "m.rec");
  const auto expected = payloads();
  EXPECT_EQ(reader.index_note(), "");
  ASSERT_EQ(reader.size(), expected.size());
  std::vector<std::byte> storage;
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(std::ranges::equal(reader.read(i, storage), expected[i])) << i;
}

}  // namespace
}  // namespace lockstep::record
