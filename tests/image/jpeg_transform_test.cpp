#include "jpeg_transform.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "lockstep/core/rng.h"

namespace lockstep::image {
namespace {

struct Strip {
  std::vector<BlockPair> pairs = std::vector<BlockPair>(3);
  std::array<int16_t, 64> quantizer{};
  std::vector<uint8_t> samples = std::vector<uint8_t>(8 * 48);
};

/// Coefficients up to `size`, zero with probability `empty`, below row `rows` always.
Strip draw(Rng& rng, int size, double empty, int rows) {
  Strip strip;
  for (int16_t& factor : strip.quantizer) factor = static_cast<int16_t>(rng.uniform_int(1, size > 2048 ? 65535 : 20));
  for (BlockPair& pair : strip.pairs) {
    pair.last = {63, 63};
    for (int i = 0; i < 16 * rows; ++i)
      if (!rng.bernoulli(empty)) pair.coefficients[i] = static_cast<int16_t>(rng.uniform_int(-size, size));
  }
  return strip;
}

TEST(JpegTransform, VectorAndPlainCodeAgreeAlsoOnImpossibleCoefficients) {
  Rng rng(1, RngUse::kTest);
  for (int size : {3, 50, 1024, 32767})
    for (double empty : {0.0, 0.5, 0.95})
      for (int rows : {1, 2, 8})
        for (int i = 0; i < 50; ++i) {
          Strip one = draw(rng, size, empty, rows), other = one;
          transform_blocks(one.pairs.data(), 3, one.quantizer, one.samples.data(), 48);
          transform_blocks_plainly(other.pairs.data(), 3, other.quantizer, other.samples.data(), 48);
          ASSERT_EQ(one.samples, other.samples) << size << " " << empty << " " << rows;
        }
}

TEST(JpegTransform, ABlockOfOneCoefficientIsOfOneColour) {
  for (int level : {-32768, -5000, -1024, -1, 0, 3, 77, 1016, 4096, 32767}) {
    Strip lone;
    lone.quantizer.fill(1);
    for (BlockPair& pair : lone.pairs) pair.coefficients[0] = pair.coefficients[8] = static_cast<int16_t>(level);
    Strip other = lone;
    transform_blocks(lone.pairs.data(), 3, lone.quantizer, lone.samples.data(), 48);
    transform_blocks_plainly(other.pairs.data(), 3, other.quantizer, other.samples.data(), 48);
    EXPECT_EQ(lone.samples, other.samples) << level;
    EXPECT_EQ(lone.samples, std::vector<uint8_t>(8 * 48, lone.samples[0]));
  }
}

TEST(JpegTransform, IsTheInverseCosineTransform) {
  // A wave of one period over the block's width: only the third coefficient of the first row.
  Strip strip;
  strip.quantizer.fill(4);
  strip.pairs[1].last = {3, 0};
  strip.pairs[1].coefficients[2] = 100;
  transform_blocks(strip.pairs.data(), 3, strip.quantizer, strip.samples.data(), 48);
  for (int x = 0; x < 8; ++x) {
    const double wave = 400 / 8.0 * std::sqrt(2) * std::cos((2 * x + 1) * 2 * std::numbers::pi / 16);
    for (int y = 0; y < 8; ++y) EXPECT_NEAR(strip.samples[48 * y + 16 + x], 128 + wave, 1);
  }
  for (int x : {0, 15, 24, 47}) EXPECT_EQ(strip.samples[x], 128);
}

TEST(JpegTransform, LeavesCoefficientsZero) {
  Rng rng(2, RngUse::kTest);
  Strip strip = draw(rng, 100, 0.2, 8);
  strip.pairs[2] = {};
  strip.pairs[2].coefficients[0] = 5;
  transform_blocks(strip.pairs.data(), 3, strip.quantizer, strip.samples.data(), 48);
  for (const BlockPair& pair : strip.pairs) EXPECT_EQ(pair.coefficients, BlockPair().coefficients);
}

}  // namespace
}  // namespace lockstep::image
