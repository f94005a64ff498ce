#include "lockstep/model/array.h"

#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep::model {
namespace {

template <class Number>
Array array_of(ElementType type, const std::vector<Number>& numbers) {
  Array array{"x", {static_cast<int64_t>(numbers.size())}, type, {}};
  array.data.resize(numbers.size() * sizeof(Number));
  std::memcpy(array.data.data(), numbers.data(), array.data.size());
  return array;
}

TEST(Array, HoldsFloatsAsTheyAre) {
  const float values[] = {1, -2.5f, 3};
  const Array array = float_array("w", {3}, values);
  EXPECT_EQ(to_floats(array), (std::vector<float>{1, -2.5f, 3}));
  EXPECT_EQ(array.data.size(), 12u);
}

TEST(Array, ConvertsFromEveryFloatingType) {
  EXPECT_EQ(to_floats(array_of<double>(ElementType::kFloat64, {0.1, -4})), (std::vector<float>{0.1f, -4}));
  // One, the largest, the smallest subnormal, minus two, infinity.
  EXPECT_EQ(to_floats(array_of<uint16_t>(ElementType::kFloat16, {0x3c00, 0x7bff, 0x0001, 0xc000, 0x7c00})),
            (std::vector<float>{1, 65504, 0x1p-24f, -2, INFINITY}));
  EXPECT_TRUE(std::isnan(to_floats(array_of<uint16_t>(ElementType::kFloat16, {0x7e00}))[0]));
  EXPECT_EQ(to_floats(array_of<uint16_t>(ElementType::kBfloat16, {0x3f80, 0xc000})), (std::vector<float>{1, -2}));
}

TEST(Array, IntegersAreNoWeights) {
  test::expect_contains(
      test::expect_error(ErrorKind::kData, [] { to_floats(array_of<int32_t>(ElementType::kInt32, {1})); }),
      "\"x\" holds int32");
}

TEST(Array, IsFoundByName) {
  const Arrays arrays = {{"a", {}, {}, {}}, {"b", {}, {}, {}}};
  EXPECT_EQ(find_array(arrays, "b"), &arrays[1]);
  EXPECT_EQ(find_array(arrays, "c"), nullptr);
}

TEST(ElementType, KnowsSizeAndName) {
  EXPECT_EQ(size_of(ElementType::kBfloat16), 2u);
  EXPECT_EQ(size_of(ElementType::kInt64), 8u);
  EXPECT_EQ(size_of(ElementType::kBool), 1u);
  EXPECT_STREQ(name_of(ElementType::kFloat32), "float32");
  EXPECT_STREQ(name_of(ElementType::kUint64), "uint64");
}

}  // namespace
}  // namespace lockstep::model
