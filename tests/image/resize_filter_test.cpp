#include "resize_filter.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <gtest/gtest.h>

#include "lockstep/core/rng.h"

namespace lockstep::image {
namespace {

std::vector<uint8_t> filtered(const Filter& filter, const std::vector<uint8_t>& row, int channels,
                              Instructions instructions) {
  RowFilter row_filter;
  row_filter.prepare(filter, static_cast<int>(row.size()) / channels, channels, instructions);
  std::vector<uint8_t> out(filter.parts.size() * static_cast<size_t>(channels) + RowFilter::kOverrun);
  row_filter.apply(row.data(), out.data());
  out.resize(out.size() - RowFilter::kOverrun);
  return out;
}

std::vector<uint8_t> expected(const Filter& filter, const std::vector<uint8_t>& row, int channels) {
  std::vector<uint8_t> out;
  for (const auto& part : filter.parts)
    for (int c = 0; c < channels; ++c) {
      int64_t sum = 1 << (kFilterBits - 1);
      for (int k = 0; k < part.count; ++k)
        sum += int64_t{row[static_cast<size_t>((part.first + k) * channels + c)]} *
               filter.weights[part.weights + static_cast<size_t>(k)];
      out.push_back(static_cast<uint8_t>(std::min<int64_t>(sum >> kFilterBits, 255)));
    }
  return out;
}

TEST(RowFilter, AllInstructionsGiveTheSameNumbers) {
  Rng rng(1, RngUse::kTest);
  for (int i = 0; i < 400; ++i) {
    const int channels = std::array{1, 3, 4}[i % 3];
    const auto width = static_cast<int>(rng.uniform_int(1, i % 2 ? 60 : 900));
    const auto target = static_cast<int>(rng.uniform_int(1, 300));
    std::vector<uint8_t> row(static_cast<size_t>(width * channels));
    for (uint8_t& value : row) value = i % 7 ? static_cast<uint8_t>(rng.next()) : 255;
    Filter filter;
    filter.design(0, target, width, target, 0);
    if (i % 5 == 0) std::ranges::reverse(filter.parts);
    for (const Instructions instructions : {Instructions::kPlain, Instructions::kAvx2, Instructions::kAvx512})
      if (instructions <= best_instructions()) {
        ASSERT_EQ(filtered(filter, row, channels, instructions), expected(filter, row, channels))
            << width << " to " << target << ", channels " << channels << ", instructions "
            << static_cast<int>(instructions);
      }
  }
}

TEST(Filter, WeightsOfASampleSumUpToOne) {
  Filter filter;
  filter.design(0, 100, 333, 100, 0);
  for (const auto& part : filter.parts) {
    const auto begin = filter.weights.begin() + static_cast<ptrdiff_t>(part.weights);
    EXPECT_NEAR(std::accumulate(begin, begin + part.count, 0), 1 << kFilterBits, part.count);
  }
}

TEST(Filter, CountsSourceSamplesFromTheOrigin) {
  Filter whole, part;
  whole.design(40, 10, 300, 100, 0);
  const Range range = filter_range(40, 10, 300, 100);
  part.design(40, 10, 300, 100, range.begin);
  EXPECT_EQ(part.parts.front().first, 0);
  EXPECT_EQ(part.parts.back().first + part.parts.back().count, range.end - range.begin);
  EXPECT_EQ(part.weights, whole.weights);
}

}  // namespace
}  // namespace lockstep::image
