#include "lockstep/model/axes.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace lockstep::model {
namespace {

using test::expect_contains;
using test::expect_error;

Shape reshape(const std::string& shape, const Shape& input) {
  return reshaped({"Reshape", "r", {{"shape", shape}}, {{0}}}, input);
}

TEST(Reshape, NumbersAreSizesOrOneOfFiveSigns) {
  const Shape input = {2, 3, 4, 5};
  EXPECT_EQ(reshape("(2, 60)", input), (Shape{2, 60}));
  EXPECT_EQ(reshape("(0, -1)", input), (Shape{2, 60}));
  EXPECT_EQ(reshape("(-1, 0, 0)", input), (Shape{10, 3, 4}));
  EXPECT_EQ(reshape("(0, -2)", input), input);
  EXPECT_EQ(reshape("(0, -3, -2)", input), (Shape{2, 12, 5}));
  EXPECT_EQ(reshape("(-4, 1, 2, -2)", input), (Shape{1, 2, 3, 4, 5}));
  EXPECT_EQ(reshape("(0, 0, -4, 2, -1, 0)", input), (Shape{2, 3, 2, 2, 5}));
}

TEST(Reshape, RefusesWhatDoesNotFitByName) {
  const Shape input = {2, 3, 4, 5};
  for (const char* shape : {"(7, -1)", "(0, 0, 0, 0, 0)", "(-1, -1)", "(0, -4, 2, 2, -2)", "(0, -4, 1)", "(0, -5)",
                            "()", "(0, 61)", "(0, 0, 0, -3)", "(9000000000000000000, 9000000000000000000)"})
    expect_error(ErrorKind::kData, [&] { reshape(shape, input); });
  expect_contains(expect_error(ErrorKind::kData, [&] { reshape("(0, 61)", input); }),
                  "node r (Reshape): cannot make (2, 61) of the elements of (2, 3, 4, 5)");
}

TEST(Reshape, AxesOfOneComeAndGo) {
  const auto with = [](const char* op, const char* axis, const Shape& input) {
    return reshaped({op, "r", {{"axis", axis}}, {{0}}}, input);
  };
  EXPECT_EQ(with("expand_dims", "2", {2, 3}), (Shape{2, 3, 1}));
  EXPECT_EQ(with("expand_dims", "-1", {2, 3}), (Shape{2, 3, 1}));
  EXPECT_EQ(with("expand_dims", "1", {2, 3}), (Shape{2, 1, 3}));
  EXPECT_EQ(with("squeeze", "(2, -1)", {2, 3, 1, 1}), (Shape{2, 3}));
  EXPECT_EQ(with("squeeze", "2", {1, 3, 1, 1}), (Shape{1, 3, 1}));
  for (const auto& [op, axis] : {std::pair{"expand_dims", "4"}, {"squeeze", "1"}, {"squeeze", "7"}, {"squeeze", "()"}})
    expect_contains(expect_error(ErrorKind::kData, [&] { with(op, axis, {2, 3, 1}); }), "node r");
}

TEST(Transpose, ExchangesTwoAxesOrNamesAll) {
  EXPECT_EQ(permutation_of({"SwapAxis", "s", {{"dim1", "1"}, {"dim2", "-1"}}, {}}, 4), (Shape{0, 3, 2, 1}));
  EXPECT_EQ(permutation_of({"transpose", "t", {{"axes", "(0, 2, 1)"}}, {}}, 3), (Shape{0, 2, 1}));
  for (const char* axes : {"(0, 1)", "(0, 1, 1)", "(0, 1, 3)", "()"})
    expect_contains(
        expect_error(ErrorKind::kData, [&] { permutation_of({"transpose", "t", {{"axes", axes}}, {}}, 3); }), "node t");
}

TEST(Slice, CountsFromTheEndWhereNegative) {
  const auto slice = [](const char* begin, const char* end) {
    const Slice found = slice_of({"slice_axis", "s", {{"axis", "1"}, {"begin", begin}, {"end", end}}, {}}, {2, 10});
    return std::pair{found.begin, found.end};
  };
  EXPECT_EQ(slice("2", "5"), (std::pair<int64_t, int64_t>{2, 5}));
  EXPECT_EQ(slice("-4", "None"), (std::pair<int64_t, int64_t>{6, 10}));
  EXPECT_EQ(slice("0", "-1"), (std::pair<int64_t, int64_t>{0, 9}));
  for (const auto& [begin, end] : {std::pair{"5", "5"}, {"0", "11"}, {"-11", "3"}})
    expect_contains(expect_error(ErrorKind::kData, [&, b = begin, e = end] { slice(b, e); }), "node s");
}

TEST(Slice, SamplesAreNeverCut) {
  expect_contains(
      expect_error(ErrorKind::kData, [] { slice_of({"slice_axis", "s", {{"axis", "0"}, {"end", "1"}}, {}}, {2, 10}); }),
      "samples");
}

}  // namespace
}  // namespace lockstep::model
