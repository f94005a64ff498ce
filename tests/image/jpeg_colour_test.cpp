#include "jpeg_colour.h"

#include <gtest/gtest.h>

#include "lockstep/core/rng.h"

namespace lockstep::image {
namespace {

std::vector<uint8_t> draw(Rng& rng, size_t count) {
  std::vector<uint8_t> samples(count);
  for (uint8_t& sample : samples) sample = static_cast<uint8_t>(rng.next());
  return samples;
}

TEST(JpegColour, VectorAndPlainCodeAgreeOnEveryColour) {
  std::vector<uint8_t> y(256 + 32), cb(256 + 32), cr(256 + 32);
  for (int i = 0; i < 256; ++i) cr[i] = static_cast<uint8_t>(i);
  for (int luma : {0, 1, 100, 128, 254, 255})
    for (int blue = 0; blue < 256; ++blue) {
      std::fill(y.begin(), y.end(), static_cast<uint8_t>(luma));
      std::fill(cb.begin(), cb.end(), static_cast<uint8_t>(blue));
      for (int channels : {3, 4}) {
        std::vector<uint8_t> one(256 * channels), other(256 * channels);
        convert_ycc(y.data(), cb.data(), cr.data(), 256, channels, one.data());
        convert_ycc_plainly(y.data(), cb.data(), cr.data(), 256, channels, other.data());
        ASSERT_EQ(one, other);
      }
    }
}

TEST(JpegColour, WritesNotOnePixelTooMany) {
  Rng rng(1, RngUse::kTest);
  const auto y = draw(rng, 132), cb = draw(rng, 132), cr = draw(rng, 132);
  for (int channels : {3, 4})
    for (int count = 1; count <= 100; ++count) {
      std::vector<uint8_t> out(count * channels + 1, 77), plain(count * channels + 1, 77);
      convert_ycc(y.data(), cb.data(), cr.data(), count, channels, out.data());
      convert_ycc_plainly(y.data(), cb.data(), cr.data(), count, channels, plain.data());
      ASSERT_EQ(out, plain) << count;
    }
}

TEST(JpegColour, KnownColours) {
  const uint8_t y[64] = {76, 150, 29, 255, 0}, cb[64] = {85, 44, 255, 128, 128}, cr[64] = {255, 21, 107, 128, 128};
  std::vector<uint8_t> rgb(15);
  convert_ycc(y, cb, cr, 5, 3, rgb.data());
  EXPECT_EQ(rgb, (std::vector<uint8_t>{254, 0, 0, 0, 255, 1, 0, 0, 254, 255, 255, 255, 0, 0, 0}));
}

TEST(JpegColour, GreyIsRepeated) {
  const uint8_t y[64] = {3, 200};
  std::vector<uint8_t> one(2), three(6), four(8);
  convert_grey(y, 2, 1, one.data());
  convert_grey(y, 2, 3, three.data());
  convert_grey(y, 2, 4, four.data());
  EXPECT_EQ(one, (std::vector<uint8_t>{3, 200}));
  EXPECT_EQ(three, (std::vector<uint8_t>{3, 3, 3, 200, 200, 200}));
  EXPECT_EQ(four, (std::vector<uint8_t>{3, 3, 3, 255, 200, 200, 200, 255}));
}

TEST(JpegColour, UpsamplingWeighsTheNeighbourWithAQuarter) {
  const std::vector<uint8_t> near{10, 10, 20, 40, 40}, far{90, 90, 20, 0, 0};
  std::vector<uint8_t> wide(6), high(3), both(6);
  std::vector<uint16_t> sums(5);
  widen(near.data() + 1, 3, wide.data());
  EXPECT_EQ(wide, (std::vector<uint8_t>{10, 13, 17, 25, 35, 40}));
  heighten(near.data() + 1, far.data() + 1, false, 3, high.data());
  EXPECT_EQ(high, (std::vector<uint8_t>{30, 20, 30}));
  heighten(near.data() + 1, far.data() + 1, true, 3, high.data());
  EXPECT_EQ(high, (std::vector<uint8_t>{30, 20, 30}));
  widen_and_heighten(near.data() + 1, far.data() + 1, 3, sums.data(), both.data());
  EXPECT_EQ(both, (std::vector<uint8_t>{30, 27, 23, 22, 28, 30}));
}

}  // namespace
}  // namespace lockstep::image
