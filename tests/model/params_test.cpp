#include "params.h"

#include <cstring>

#include <gtest/gtest.h>

#include "damage.h"
#include "lockstep/model/mxnet.h"
#include "lockstep/model/network.h"
#include "support/outside.h"
#include "support/temp_folder.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;

class ByteText {
 public:
  template <class Number>
  ByteText& put(std::initializer_list<Number> numbers) {
    for (const Number number : numbers) text_.append(reinterpret_cast<const char*>(&number), sizeof(number));
    return *this;
  }
  ByteText& put(const std::string& name) {
    put<uint64_t>({name.size()});
    text_ += name;
    return *this;
  }
  Arrays parse() const { return parse_params(std::as_bytes(std::span(text_)), "bytes"); }

 private:
  std::string text_;
};

ByteText list_head(uint64_t arrays) { return std::move(ByteText().put<uint64_t>({0x112, 0, arrays})); }

Arrays two_arrays() {
  const float w[] = {1, 2}, m[] = {0.5f};
  return {float_array("arg:w", {2}, w), float_array("aux:m", {1}, m)};
}

void expect_two_by_two(const Arrays& arrays) {
  ASSERT_EQ(arrays.size(), 1u);
  EXPECT_EQ(arrays[0].shape, (Shape{2, 2}));
  EXPECT_EQ(to_floats(arrays[0]), (std::vector<float>{1, 2, 3, 4}));
}

TEST(Params, WritesEveryByteOfMxnet) {
  const test::TempFolder folder;
  write_params(folder / "x.params", two_arrays());
  const unsigned char expected[] = {
      0x12, 0x01, 0, 0,    0,    0,    0,    0,    0, 0,   0,   0,   0,   0,  0, 0, 2,   0,   0,    0,
      0,    0,    0, 0,    0xc9, 0xfa, 0x93, 0xf9, 0, 0,   0,   0,   1,   0,  0, 0, 2,   0,   0,    0,
      0,    0,    0, 0,    1,    0,    0,    0,    0, 0,   0,   0,   0,   0,  0, 0, 0,   0,   0x80, 0x3f,
      0,    0,    0, 0x40, 0xc9, 0xfa, 0x93, 0xf9, 0, 0,   0,   0,   1,   0,  0, 0, 1,   0,   0,    0,
      0,    0,    0, 0,    1,    0,    0,    0,    0, 0,   0,   0,   0,   0,  0, 0, 0,   0,   0,    0x3f,
      2,    0,    0, 0,    0,    0,    0,    0,    5, 0,   0,   0,   0,   0,  0, 0, 'a', 'r', 'g',  ':',
      'w',  5,    0, 0,    0,    0,    0,    0,    0, 'a', 'u', 'x', ':', 'm'};
  EXPECT_EQ(read_text(folder / "x.params"), std::string(reinterpret_cast<const char*>(expected), sizeof(expected)));
}

TEST(Params, ReadsWhatItWrote) {
  const test::TempFolder folder;
  Arrays arrays = two_arrays();
  for (int type = 0; type < 13; ++type) {
    Array array{"arg:t" + std::to_string(type), {2, 3}, static_cast<ElementType>(type), {}};
    array.data.resize(6 * size_of(array.type), std::byte{7});
    arrays.push_back(array);
  }
  write_params(folder / "x.params", arrays);
  const Arrays back = read_params(folder / "x.params");
  ASSERT_EQ(back.size(), arrays.size());
  for (size_t i = 0; i < arrays.size(); ++i) {
    EXPECT_EQ(back[i].name, arrays[i].name);
    EXPECT_EQ(back[i].shape, arrays[i].shape);
    EXPECT_EQ(back[i].type, arrays[i].type);
    EXPECT_EQ(back[i].data, arrays[i].data);
  }
}

TEST(Params, SizeOfAResNet18FileIsThatOfMxnet) {
  const test::TempFolder folder;
  Arrays arguments, auxiliary;
  const Facts facts = infer(make_network("resnet_v2", {.num_layers = 18, .classes = 1000}), {1, 3, 224, 224});
  for (const Parameter& parameter : facts.parameters) {
    const std::vector<float> values(count(parameter.shape));
    (parameter.auxiliary ? auxiliary : arguments)
        .push_back(
            float_array((parameter.auxiliary ? "aux:" : "arg:") + parameter.name, parameter.shape, values.data()));
  }
  arguments.insert(arguments.end(), auxiliary.begin(), auxiliary.end());
  write_params(folder / "x.params", arguments);
  EXPECT_EQ(std::filesystem::file_size(folder / "x.params"), 46'806'708u);
}

TEST(Params, ReadsV1) {
  expect_two_by_two(list_head(1)
                        .put<uint32_t>({0xF993FAC8, 2})
                        .put<int64_t>({2, 2})
                        .put<int32_t>({1, 0, 0})
                        .put<float>({1, 2, 3, 4})
                        .put<uint64_t>({0})
                        .parse());
}

TEST(Params, ReadsV0) {
  expect_two_by_two(list_head(1)
                        .put<uint32_t>({2, 2, 2})
                        .put<int32_t>({1, 0, 0})
                        .put<float>({1, 2, 3, 4})
                        .put<uint64_t>({0})
                        .parse());
}

TEST(Params, ReadsV3AndItsScalars) {
  expect_two_by_two(list_head(1)
                        .put<uint32_t>({0xF993FACA, 0, 2})
                        .put<int64_t>({2, 2})
                        .put<int32_t>({1, 0, 0})
                        .put<float>({1, 2, 3, 4})
                        .put<uint64_t>({0})
                        .parse());
  const Arrays scalar =
      list_head(1).put<uint32_t>({0xF993FACA, 0, 0}).put<int32_t>({1, 0, 0}).put<float>({7}).put<uint64_t>({0}).parse();
  EXPECT_EQ(scalar[0].shape, Shape{});
  EXPECT_EQ(to_floats(scalar[0]), std::vector<float>{7});
}

TEST(Params, TakesArraysOfAGpuAndEmptyOnes) {
  const Arrays arrays = list_head(2)
                            .put<uint32_t>({0xF993FAC9, 0, 1})
                            .put<int64_t>({1})
                            .put<int32_t>({2, 3, 0})
                            .put<float>({5})
                            .put<uint32_t>({0xF993FAC9, 0, 0})
                            .put<uint64_t>({2})
                            .put("a")
                            .put("b")
                            .parse();
  EXPECT_EQ(to_floats(arrays[0]), std::vector<float>{5});
  EXPECT_EQ(arrays[1].name, "b");
  EXPECT_EQ(count(arrays[1].shape), 0);
}

TEST(Params, RefusesSparseArraysAndUnknownTypes) {
  expect_contains(
      expect_error(ErrorKind::kData, [] { list_head(1).put<uint32_t>({0xF993FAC9, 1, 1}).put<int64_t>({1}).parse(); }),
      "sparse");
  expect_contains(expect_error(ErrorKind::kData,
                               [] {
                                 list_head(1)
                                     .put<uint32_t>({0xF993FAC9, 0, 1})
                                     .put<int64_t>({1})
                                     .put<int32_t>({1, 0, 13})
                                     .put<float>({1})
                                     .parse();
                               }),
                  "element type 13");
  expect_contains(expect_error(ErrorKind::kData, [] { ByteText().put<uint64_t>({0x113, 0, 0, 0}).parse(); }), "0x112");
}

TEST(Params, RefusesCountsThatCannotBe) {
  expect_error(ErrorKind::kData, [] { list_head(uint64_t{1} << 60).put<uint64_t>({0}).parse(); });
  expect_error(ErrorKind::kData, [] {
    list_head(1)
        .put<uint32_t>({0xF993FAC9, 0, 4})
        .put<int64_t>({1L << 40, 1L << 40, 1L << 40, 4})
        .put<int32_t>({1, 0, 0})
        .parse();
  });
  expect_contains(expect_error(ErrorKind::kData, [] { list_head(0).put<uint64_t>({3}).parse(); }),
                  "3 names for 0 arrays");
}

TEST(Params, EveryTruncationIsRefusedWithItsOffset) {
  const test::TempFolder folder;
  write_params(folder / "x.params", two_arrays());
  test::expect_every_truncation_refused(folder / "x.params", [](const Path& path) { read_params(path); });
}

TEST(Params, NoFlippedBitDoesHarm) {
  const test::TempFolder folder;
  write_params(folder / "x.params", two_arrays());
  test::flip_bits(read_text(folder / "x.params"), 1,
                  [](const std::string& text) { parse_params(std::as_bytes(std::span(text)), "x"); });
}

TEST(Params, ReadsMxnetsOldestFile) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Arrays arrays = read_params(test::data_folder() / "H_weights/mxnet/legacy_ndarray.v0");
  ASSERT_EQ(arrays.size(), 6u);
  for (const Array& array : arrays) {
    EXPECT_EQ(array.shape, Shape{128});
    float sum = 0;
    for (const float value : to_floats(array)) sum += value;
    EXPECT_EQ(sum, 8128);
  }
}

TEST(Params, ReadsFilesOfOthers) {
  if (test::data_folder().empty()) GTEST_SKIP() << test::kNoData;
  const Path folder = test::data_folder() / "H_weights/mxnet";
  EXPECT_EQ(read_params(folder / "gender-age-0000.params").size(), 146u);
  EXPECT_NE(find_array(read_params(folder / "residual-0000.params"), "arg:fc_weight"), nullptr);
}

TEST(Params, AreByteEqualToMxnetsOwn) {
  if (test::mxnet_python().empty()) GTEST_SKIP() << test::kNoMxnet;
  const test::TempFolder folder;
  Arrays arrays = two_arrays();
  for (int type = 0; type < 7; ++type) {
    Array array{"arg:t" + std::to_string(type), {2, 3, 1, 4}, static_cast<ElementType>(type), {}};
    for (size_t i = 0; i < 24 * size_of(array.type); ++i) array.data.push_back(static_cast<std::byte>(i % 50));
    arrays.push_back(array);
  }
  write_params(folder / "ours.params", arrays);
  const test::Outcome outcome =
      test::run_mxnet("model_params.py", (folder / "ours.params").string() + " " + (folder / "theirs.params").string());
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(read_text(folder / "ours.params"), read_text(folder / "theirs.params"));
  EXPECT_EQ(read_params(folder / "theirs.params").size(), arrays.size());
}

}  // namespace
}  // namespace lockstep::model
