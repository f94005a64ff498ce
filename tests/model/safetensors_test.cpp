#include <gtest/gtest.h>

#include "damage.h"
#include "lockstep/model/mxnet.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;

Safetensors small_content() {
  const float values[] = {1, 2, 3, 4, 5, 6};
  Safetensors content{
      {float_array("a", {2, 3}, values), float_array("empty", {0, 3}, values), float_array("scalar", {}, values)},
      {{"step", "12"}}};
  content.arrays.push_back({"wide", {1}, ElementType::kFloat64, std::vector<std::byte>(8, std::byte{1})});
  content.arrays.push_back({"flag", {3}, ElementType::kBool, std::vector<std::byte>(3, std::byte{1})});
  return content;
}

/// Writes a file of this header and data by hand.
void write_by_hand(const Path& path, const std::string& header, const std::string& data) {
  std::string text(8, '\0');
  for (int i = 0; i < 8; ++i) text[i] = static_cast<char>(header.size() >> 8 * i);
  test::write_file(path, text + header + data);
}

TEST(Safetensors, ReadsWhatItWrote) {
  const test::TempFolder folder;
  const Safetensors content = small_content();
  write_safetensors(folder / "x", content);
  const Safetensors back = read_safetensors(folder / "x");
  EXPECT_EQ(back.metadata, content.metadata);
  ASSERT_EQ(back.arrays.size(), content.arrays.size());
  for (const Array& array : content.arrays) {
    const Array* found = find_array(back.arrays, array.name);
    ASSERT_NE(found, nullptr) << array.name;
    EXPECT_EQ(found->shape, array.shape);
    EXPECT_EQ(found->type, array.type);
    EXPECT_EQ(found->data, array.data);
  }
}

TEST(Safetensors, AlignsTheDataAndEveryTensor) {
  const test::TempFolder folder;
  write_safetensors(folder / "x", small_content());
  const std::string text = read_text(folder / "x");
  uint64_t header = 0;
  text.copy(reinterpret_cast<char*>(&header), sizeof(header));
  EXPECT_EQ(header % 8, 0u);
  EXPECT_EQ(text[8], '{');
  EXPECT_EQ(read_safetensors(folder / "x").arrays.front().name, "wide");
}

TEST(Safetensors, WritesEveryByteOfTheFormat) {
  const test::TempFolder folder;
  const float one = 1;
  write_safetensors(folder / "x", {{float_array("w", {1}, &one)}, {}});
  write_by_hand(folder / "y", "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}  ",
                std::string("\0\0\x80?", 4));
  EXPECT_EQ(read_text(folder / "x"), read_text(folder / "y"));
}

TEST(Safetensors, EveryTruncationIsRefusedWithItsOffset) {
  const test::TempFolder folder;
  write_safetensors(folder / "x", small_content());
  test::expect_every_truncation_refused(folder / "x", [](const Path& path) { read_safetensors(path); });
}

TEST(Safetensors, NoFlippedBitDoesHarm) {
  const test::TempFolder folder;
  write_safetensors(folder / "x", small_content());
  test::flip_bits(read_text(folder / "x"), 3, [&](const std::string& text) {
    test::write_file(folder / "y", text);
    read_safetensors(folder / "y");
  });
}

TEST(Safetensors, RefusesHeadersThatLie) {
  const test::TempFolder folder;
  const auto expect_refused = [&](const std::string& header, const std::string& reason) {
    write_by_hand(folder / "x", header, std::string(8, '\0'));
    const std::string message = expect_error(ErrorKind::kData, [&] { read_safetensors(folder / "x"); });
    expect_contains(message, reason);
    expect_contains(message, (folder / "x").string());
  };
  const auto tensor = [](const std::string& rest) { return "{\"w\":{\"dtype\":" + rest + "}}"; };
  expect_refused(tensor(R"("F32","shape":[2],"data_offsets":[0,4])"), "\"w\"");
  expect_refused(tensor(R"("F32","shape":[1],"data_offsets":[4,8])"), "begins at 4");
  expect_refused(tensor(R"("F32","shape":[1],"data_offsets":[0,4])"), "belong to no tensor");
  expect_refused(tensor(R"("F32","shape":[3],"data_offsets":[0,12])"), "cut off");
  expect_refused(tensor(R"("F32","shape":[-2],"data_offsets":[0,8])"), "shape");
  expect_refused(tensor(R"("F32","shape":[1.5],"data_offsets":[0,8])"), "shape");
  expect_refused(tensor(R"("F32","shape":[4611686018427387904,4],"data_offsets":[0,8])"), "shape");
  expect_refused(tensor(R"("F32","shape":[2],"data_offsets":[8,0])"), "data_offsets");
  expect_refused(tensor(R"("F8_E4M3","shape":[8],"data_offsets":[0,8])"), "F8_E4M3");
  expect_refused(tensor(R"("F32","shape":[2])"), "header");
  expect_refused(R"({"w":{},"w":{}})", "stands twice");
  expect_refused(R"({"__metadata__":{"a":1}})", "header");
  expect_refused("[]", "does not begin with {");
  expect_refused("{" + std::string(1000, '['), "");
}

TEST(Safetensors, RefusesAHeaderLargerThanAnyCanBe) {
  const test::TempFolder folder;
  test::write_file(folder / "x", std::string(16, '\x7f'));
  expect_contains(expect_error(ErrorKind::kData, [&] { read_safetensors(folder / "x"); }), "no safetensors file");
}

TEST(Safetensors, RefusesTextThatIsNotUtf8) {
  const test::TempFolder folder;
  expect_contains(expect_error(ErrorKind::kData, [&] { write_safetensors(folder / "x", {{}, {{"class", "\xff"}}}); }),
                  "UTF-8");
}

TEST(Safetensors, ReadsFilesOfOthers) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Path folder = test::data_folder() / "H_weights/safetensors";
  const Safetensors tiny = read_safetensors(folder / "mnist-cnn-tiny.safetensors");
  EXPECT_TRUE(tiny.metadata.empty());
  EXPECT_NE(find_array(tiny.arrays, "fc1.weight"), nullptr);
  EXPECT_GT(read_safetensors(folder / "mnist-cnn-bn.safetensors").arrays.size(), 10u);
}

}  // namespace
}  // namespace lockstep::model
