#include <array>
#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>
#include <opencv2/imgproc.hpp>

#include "lockstep/image/plan.h"
#include "opencv.h"
#include "pictures.h"
#include "support/expect_error.h"

namespace lockstep::image {
namespace {

constexpr int kInput = 96;

std::vector<uint8_t> applied(const Plan& plan, const Image& whole, const PlanOptions& options) {
  std::vector<uint8_t> out(size_t{1} * options.width * options.height * options.channels);
  apply(plan, test::cut(whole, plan.region), options, out);
  return out;
}

/// MXNet's augmenter step by step, in plain OpenCV calls on BGR as MXNet has it, guided by what the plan drew.
std::vector<uint8_t> augmented(const Plan& plan, const Image& whole, const PlanOptions& options) {
  const bool colour = options.channels == 3;
  cv::Mat res = view(whole).clone();
  if (colour) cv::cvtColor(res, res, cv::COLOR_RGB2BGR);
  if (options.stretch) {
    cv::resize(res, res, {options.width, options.height}, 0, 0, cv::INTER_LINEAR);
  } else if (options.resize) {
    const int r = options.resize;
    const cv::Size size =
        res.rows > res.cols ? cv::Size(r, r * res.rows / res.cols) : cv::Size(r * res.cols / res.rows, r);
    cv::resize(res, res, size, 0, 0, cv::INTER_LINEAR);
  }
  if (plan.affine) {
    const cv::Mat m = (cv::Mat_<double>(2, 3) << plan.matrix[0], plan.matrix[1], plan.matrix[2], plan.matrix[3],
                       plan.matrix[4], plan.matrix[5]);
    cv::warpAffine(res.clone(), res, m, res.size(), cv::INTER_LINEAR, cv::BORDER_CONSTANT,
                   cv::Scalar::all(options.fill));
  }
  const auto wide = static_cast<float>(options.width), high = static_cast<float>(options.height);
  if (res.rows < options.height)
    cv::resize(res.clone(), res,
               {static_cast<int>(high / static_cast<float>(res.rows) * static_cast<float>(res.cols)), options.height});
  if (res.cols < options.width)
    cv::resize(res.clone(), res,
               {options.width, static_cast<int>(wide / static_cast<float>(res.cols) * static_cast<float>(res.rows))});
  res = res(cv::Rect(plan.crop.x, plan.crop.y, options.width, options.height)).clone();
  if (plan.colour) {
    cv::cvtColor(res, res, cv::COLOR_BGR2HLS);
    for (auto& pixel : cv::Mat_<cv::Vec3b>(res)) {
      pixel[0] = static_cast<uint8_t>(std::min(std::max(pixel[0] + plan.hue, 0), 180));
      pixel[1] = static_cast<uint8_t>(std::min(std::max(pixel[1] + plan.lightness, 0), 255));
      pixel[2] = static_cast<uint8_t>(std::min(std::max(pixel[2] + plan.saturation, 0), 255));
    }
    cv::cvtColor(res, res, cv::COLOR_HLS2BGR);
  }
  if (colour) cv::cvtColor(res, res, cv::COLOR_BGR2RGB);
  if (plan.mirror) cv::flip(res.clone(), res, 1);
  return {res.data, res.data + res.total() * res.elemSize()};
}

PlanOptions options_of(Augmentation augmentation, int resize = 0, int channels = 3) {
  return {.channels = channels, .height = kInput, .width = kInput + 8, .resize = resize, .augmentation = augmentation};
}

void expect_equals_opencv(const PlanOptions& options, int count = 40) {
  Rng rng(6, RngUse::kTest);
  for (int id = 0; id < count; ++id) {
    const auto width = static_cast<int>(rng.uniform_int(20, 400)), height = static_cast<int>(rng.uniform_int(20, 400));
    const Image whole = test::make_picture(width, height, options.channels, id);
    const Plan p = plan({Format::kJpeg, width, height, 1}, Rng(1, RngUse::kAugment, 0, id), options);
    ASSERT_TRUE(applied(p, whole, options) == augmented(p, whole, options)) << width << "x" << height;
  }
}

TEST(Apply, CropEqualsPlainOpenCv) { expect_equals_opencv(options_of(Augmentation::kCrop)); }
TEST(Apply, CentreCropEqualsPlainOpenCv) { expect_equals_opencv(options_of(Augmentation::kNone)); }
TEST(Apply, ResizeAndCropEqualsPlainOpenCv) { expect_equals_opencv(options_of(Augmentation::kCrop, 128)); }
TEST(Apply, ResizeBelowTheCropEqualsPlainOpenCv) { expect_equals_opencv(options_of(Augmentation::kCrop, 50)); }
TEST(Apply, CropColorEqualsPlainOpenCv) { expect_equals_opencv(options_of(Augmentation::kCropColor, 110)); }
TEST(Apply, CropColorTransformEqualsPlainOpenCv) {
  expect_equals_opencv(options_of(Augmentation::kCropColorTransform, 120));
}
TEST(Apply, TransformWithoutResizeEqualsPlainOpenCv) {
  expect_equals_opencv(options_of(Augmentation::kCropColorTransform));
}
TEST(Apply, GreyEqualsPlainOpenCv) { expect_equals_opencv(options_of(Augmentation::kCropColorTransform, 120, 1)); }
TEST(Apply, FourChannelsEqualPlainOpenCv) {
  expect_equals_opencv(options_of(Augmentation::kCropColorTransform, 120, 4));
}

TEST(Apply, StretchEqualsPlainOpenCv) {
  PlanOptions options = options_of(Augmentation::kCropColorTransform, 128);
  options.stretch = true;
  expect_equals_opencv(options);
}

TEST(Apply, AResizedCropIsCutOutThenResizedThenMirrored) {
  Rng rng(7, RngUse::kTest);
  for (int id = 0; id < 60; ++id) {
    const PlanOptions options = options_of(Augmentation::kRandomResizedCrop, 0, std::array{1, 3, 4}[id % 3]);
    const auto width = static_cast<int>(rng.uniform_int(1, 400)), height = static_cast<int>(rng.uniform_int(1, 400));
    const Image whole = test::make_picture(width, height, options.channels, id);
    const Plan p = plan({Format::kJpeg, width, height, 1}, Rng(1, RngUse::kAugment, 0, id), options);
    cv::Mat res = view(whole)(cv::Rect(p.region.x, p.region.y, p.region.width, p.region.height)).clone();
    cv::resize(res.clone(), res, {options.width, options.height}, 0, 0, cv::INTER_LINEAR);
    if (p.mirror) cv::flip(res.clone(), res, 1);
    ASSERT_EQ(applied(p, whole, options), std::vector<uint8_t>(res.data, res.data + res.total() * res.elemSize()));
  }
}

TEST(Apply, AntialiasIsUsedForEveryResizing) {
  const Image whole = test::make_picture(60, 50);
  for (PlanOptions options : {options_of(Augmentation::kRandomResizedCrop), options_of(Augmentation::kCrop, 200),
                              options_of(Augmentation::kNone)}) {
    const Plan p = plan({Format::kJpeg, 60, 50, 1}, Rng(1, RngUse::kAugment, 0, 2), options);
    const auto bilinear = applied(p, whole, options);
    options.interpolation = Interpolation::kAntialias;
    const Plan q = plan({Format::kJpeg, 60, 50, 1}, Rng(1, RngUse::kAugment, 0, 2), options);
    EXPECT_NE(applied(q, whole, options), bilinear);
  }
}

TEST(Apply, AShrunkPictureMovesByLessThanHalfAPixel) {
  Image waves;
  waves.resize(801, 603, 3);
  for (int y = 0, i = 0; y < 603; ++y)
    for (int x = 0; x < 801; ++x)
      for (int c = 0; c < 3; ++c) waves.pixels[i++] = static_cast<uint8_t>(128 + 100 * std::sin(0.03 * (x + c * y)));
  const std::vector<std::byte> bytes = test::write_jpeg(waves);
  const Header header = probe(bytes, 1 << 26);
  for (PlanOptions options : {options_of(Augmentation::kRandomResizedCrop), options_of(Augmentation::kCrop, 100)}) {
    options.interpolation = Interpolation::kAntialias;
    const auto input = [&] {
      const Plan p = plan(header, Rng(1, RngUse::kAugment, 0, 4), options);
      EXPECT_EQ(p.shrink > 1, options.scaled_decode);
      Image pixels;
      decode_shrunk(bytes, {}, header, p.shrink, p.region, 3, pixels);
      std::vector<uint8_t> out(size_t{3} * options.width * options.height);
      apply(p, pixels, options, out);
      return out;
    };
    const auto exact = input();
    options.scaled_decode = true;
    const auto scaled = input();
    double difference = 0, slope = 0;
    for (size_t i = 3; i < exact.size(); ++i) {
      difference += std::abs(exact[i] - scaled[i]);
      slope += std::abs(exact[i] - exact[i - 3]);
    }
    EXPECT_GT(difference, 0);
    EXPECT_LT(difference, slope / 2) << "the picture moved by half a pixel of the input";
  }
}

TEST(Apply, TheTransformLeavesTheFillValueInTheCorners) {
  PlanOptions options{.height = 100, .width = 100, .augmentation = Augmentation::kCropColorTransform, .fill = 128};
  Image grey;
  grey.resize(100, 100, 3);
  std::fill(grey.pixels.begin(), grey.pixels.end(), uint8_t{40});
  Plan p = plan({Format::kJpeg, 100, 100, 1}, Rng(1, RngUse::kAugment), options);
  p.colour = p.mirror = false;
  p.matrix = {0.5, 0, 25, 0, 0.5, 25};  // half size, in the middle
  const auto out = applied(p, grey, options);
  EXPECT_EQ(out[0], 128);
  EXPECT_EQ(out[(50 * 100 + 50) * 3], 40);
}

TEST(Apply, PixelsThatDoNotFitThePlanAreABug) {
  const PlanOptions options = options_of(Augmentation::kNone);
  const Plan p = plan({Format::kJpeg, 200, 200, 1}, Rng(1, RngUse::kAugment), options);
  std::vector<uint8_t> out(size_t{3} * options.width * options.height);
  test::expect_error(ErrorKind::kBug, [&] { apply(p, test::make_picture(10, 10), options, out); });
  const Image part = test::make_picture(p.region.width, p.region.height);
  test::expect_error(ErrorKind::kBug, [&] { apply(p, part, options, std::span(out).first(5)); });
}

}  // namespace
}  // namespace lockstep::image
