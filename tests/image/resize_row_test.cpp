#include "resize_row.h"

#include <array>

#include <gtest/gtest.h>

#include "lockstep/core/rng.h"

namespace lockstep::image {
namespace {

constexpr auto kAllInstructions = {Instructions::kPlain, Instructions::kAvx2, Instructions::kAvx512};

std::vector<int16_t> blended(const std::vector<Tap>& taps, const std::vector<uint8_t>& row, int channels,
                             Instructions instructions) {
  RowBlender blender;
  blender.prepare(taps, static_cast<int>(row.size()) / channels, channels, instructions);
  std::vector<int16_t> out(blender.output_size());
  blender.blend(row.data(), out.data());
  out.resize(taps.size() * static_cast<size_t>(channels));
  return out;
}

/// The formula of the header, word for word.
std::vector<int16_t> expected(const std::vector<Tap>& taps, const std::vector<uint8_t>& row, int channels) {
  std::vector<int16_t> out;
  for (const Tap& tap : taps)
    for (int c = 0; c < channels; ++c) {
      int sum = 0;
      for (int k = 0; k < 2; ++k)
        if (tap.weight[k]) sum += row[static_cast<size_t>((tap.first + k) * channels + c)] * tap.weight[k];
      out.push_back(static_cast<int16_t>(sum >> 4));
    }
  return out;
}

std::vector<uint8_t> random_row(int bytes, Rng& rng) {
  std::vector<uint8_t> row(static_cast<size_t>(bytes));
  for (uint8_t& value : row) value = static_cast<uint8_t>(rng.next());
  return row;
}

TEST(RowBlender, AllInstructionsGiveTheNumbersOfTheFormula) {
  Rng rng(1, RngUse::kTest);
  for (int i = 0; i < 600; ++i) {
    const int channels = std::array{1, 3, 4}[i % 3];
    const auto width = static_cast<int>(rng.uniform_int(1, i % 2 ? 40 : 900));
    const auto row = random_row(width * channels, rng);
    std::vector<Tap> taps(static_cast<size_t>(rng.uniform_int(1, 300)));
    for (size_t x = 0; x < taps.size(); ++x) {
      const int first = static_cast<int>(x * width / taps.size());
      const auto weight = static_cast<int16_t>(first + 1 < width ? rng.uniform_int(0, 2048) : 0);
      taps[i % 5 ? x : taps.size() - 1 - x] = {first, {static_cast<int16_t>(2048 - weight), weight}};
    }
    for (const Instructions instructions : kAllInstructions)
      if (instructions <= best_instructions()) {
        ASSERT_EQ(blended(taps, row, channels, instructions), expected(taps, row, channels))
            << width << " to " << taps.size() << ", channels " << channels << ", instructions "
            << static_cast<int>(instructions);
      }
  }
}

TEST(RowBlender, APixelWithoutWeightMayLieOutsideTheRow) {
  const std::vector<uint8_t> row = {10, 20, 30};
  const std::vector<Tap> taps = {{-1, {0, 2048}}, {0, {2048, 0}}};
  for (const Instructions instructions : kAllInstructions)
    if (instructions <= best_instructions()) {
      EXPECT_EQ(blended(taps, row, 3, instructions), (std::vector<int16_t>{1280, 2560, 3840, 1280, 2560, 3840}));
    }
}

TEST(RowBlender, OneBlenderServesRowsOfAnyKindOneAfterTheOther) {
  Rng rng(2, RngUse::kTest);
  RowBlender blender;
  for (const int width : {1000, 8, 300, 1}) {
    const auto row = random_row(width * 3, rng);
    std::vector<Tap> taps(50);
    for (size_t x = 0; x < taps.size(); ++x) taps[x] = {static_cast<int>(x * width / taps.size()), {2048, 0}};
    blender.prepare(taps, width, 3, best_instructions());
    std::vector<int16_t> out(blender.output_size());
    blender.blend(row.data(), out.data());
    out.resize(150);
    EXPECT_EQ(out, expected(taps, row, 3)) << width;
  }
}

}  // namespace
}  // namespace lockstep::image
