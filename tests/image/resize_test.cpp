#include "resize.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <gtest/gtest.h>
#include <opencv2/imgproc.hpp>

#include "opencv.h"
#include "pictures.h"

namespace lockstep::image {
namespace {

Image opencv_resize(const Image& in, Size target) {
  cv::Mat resized;
  cv::resize(view(in), resized, {target.width, target.height}, 0, 0, cv::INTER_LINEAR);
  Image out;
  out.resize(target.width, target.height, in.channels);
  std::memcpy(out.pixels.data(), resized.data, out.pixels.size());
  return out;
}

Image mirrored(const Image& picture) {
  Image out = picture;
  cv::Mat target = view(out);
  cv::flip(view(picture), target, 1);
  return out;
}

/// The window made from no more than the pixels it needs.
Image window_alone(const Image& whole, Size target, const Region& window) {
  const Size source{whole.width, whole.height};
  const Region region = source_under(window, source, target, Interpolation::kBilinear);
  Image out;
  out.resize(window.width, window.height, whole.channels);
  resize_window(test::cut(whole, region), region, {source, target, window}, out.pixels.data());
  return out;
}

TEST(Resize, BilinearEqualsOpenCv) {
  const Image picture = test::make_picture(101, 67);
  Image out;
  resize_bilinear(picture, 50, 80, out);
  EXPECT_EQ(out.pixels, opencv_resize(picture, {50, 80}).pixels);
  EXPECT_EQ(out.width, 50);
  EXPECT_EQ(out.height, 80);
}

TEST(Resize, AWholeWindowEqualsOpenCvPixelForPixel) {
  Rng rng(3, RngUse::kTest);
  for (int i = 0; i < 400; ++i) {
    const int channels = std::array{1, 3, 4}[i % 3];
    const Image whole = test::make_picture(static_cast<int>(rng.uniform_int(1, 300)),
                                           static_cast<int>(rng.uniform_int(1, 300)), channels, i);
    const Size target{static_cast<int>(rng.uniform_int(1, 300)), static_cast<int>(rng.uniform_int(1, 300))};
    const Image ours = window_alone(whole, target, {0, 0, target.width, target.height});
    ASSERT_TRUE(ours.pixels == opencv_resize(whole, target).pixels)
        << whole.width << "x" << whole.height << " to " << target.width << "x" << target.height << "x" << channels;
  }
}

TEST(Resize, HalvesAndDoublesAndKeepsLikeOpenCv) {
  const Image whole = test::make_picture(128, 96);
  for (Size target : {Size{64, 48}, {256, 192}, {128, 96}, {32, 24}, {64, 96}, {128, 48}, {1, 1}})
    ASSERT_TRUE(window_alone(whole, target, {0, 0, target.width, target.height}).pixels ==
                opencv_resize(whole, target).pixels)
        << target.width << "x" << target.height;
}

TEST(Resize, AWindowNeedsOnlyTheSourceUnderIt) {
  Rng rng(4, RngUse::kTest);
  for (int i = 0; i < 300; ++i) {
    const Image whole =
        test::make_picture(static_cast<int>(rng.uniform_int(1, 300)), static_cast<int>(rng.uniform_int(1, 300)), 3, i);
    const Size target{static_cast<int>(rng.uniform_int(1, 400)), static_cast<int>(rng.uniform_int(1, 400))};
    const Region window = test::draw_region(target.width, target.height, rng);
    ASSERT_TRUE(window_alone(whole, target, window).pixels == test::cut(opencv_resize(whole, target), window).pixels)
        << whole.width << "x" << whole.height << " to " << target.width << "x" << target.height << ", window "
        << window.width << "x" << window.height << "+" << window.x << "+" << window.y;
  }
}

TEST(Resize, AMirroredWindowIsTheWindowFromRightToLeft) {
  Rng rng(5, RngUse::kTest);
  for (int i = 0; i < 100; ++i) {
    const auto interpolation = i % 2 ? Interpolation::kBilinear : Interpolation::kAntialias;
    const Image whole = test::make_picture(static_cast<int>(rng.uniform_int(1, 200)),
                                           static_cast<int>(rng.uniform_int(1, 200)), std::array{1, 3, 4}[i % 3], i);
    const Size source{whole.width, whole.height};
    const Size target{static_cast<int>(rng.uniform_int(1, 200)), static_cast<int>(rng.uniform_int(1, 200))};
    const Region window = test::draw_region(target.width, target.height, rng);
    Image plain, mirror;
    for (auto* out : {&plain, &mirror}) {
      out->resize(window.width, window.height, whole.channels);
      resize_window(whole, {0, 0, source.width, source.height}, {source, target, window, interpolation, out == &mirror},
                    out->pixels.data());
    }
    ASSERT_EQ(mirror.pixels, mirrored(plain).pixels) << window.width << "x" << window.height;
  }
}

TEST(Resize, AMuchSmallerOrLargerPictureEqualsOpenCv) {
  for (const int channels : {1, 3, 4})
    for (const auto& [source, target] : {std::pair<Size, Size>{{3000, 40}, {7, 5}},
                                         {{1500, 1200}, {224, 224}},
                                         {{900, 700}, {224, 175}},
                                         {{2, 3}, {700, 500}},
                                         {{1, 1}, {60, 60}}}) {
      const Image whole = test::make_picture(source.width, source.height, channels);
      ASSERT_TRUE(window_alone(whole, target, {0, 0, target.width, target.height}).pixels ==
                  opencv_resize(whole, target).pixels)
          << source.width << "x" << source.height << " to " << target.width << "x" << target.height << "x" << channels;
    }
}

TEST(Resize, WritesNothingBehindTheWindow) {
  const Image whole = test::make_picture(61, 47);
  for (const auto interpolation : {Interpolation::kBilinear, Interpolation::kAntialias}) {
    std::vector<uint8_t> out(size_t{3} * 33 * 21 + 64, 77);
    resize_window(whole, {0, 0, 61, 47}, {{61, 47}, {33, 21}, {0, 0, 33, 21}, interpolation}, out.data());
    EXPECT_TRUE(std::all_of(out.end() - 64, out.end(), [](uint8_t value) { return value == 77; }));
  }
}

TEST(Resize, LeavesSourceRowsAndColumnsOutsideTheWindowAlone) {
  const Region region = source_under({100, 100, 50, 50}, {400, 400}, {300, 300}, Interpolation::kBilinear);
  EXPECT_EQ(region, (Region{133, 133, 67, 67}));
}

}  // namespace
}  // namespace lockstep::image
