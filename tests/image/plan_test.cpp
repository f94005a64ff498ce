#include "lockstep/image/plan.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "affine.h"
#include "support/expect_error.h"

namespace lockstep::image {
namespace {

Plan plan_of(int width, int height, const PlanOptions& options, uint64_t id = 0) {
  return plan({Format::kJpeg, width, height, 1}, Rng(5, RngUse::kAugment, 0, id), options);
}

/// Smallest, largest and mean value of something over many pictures.
struct Spread {
  double low = 1e9, high = -1e9, mean = 0;
};
template <class Value>
Spread spread(int width, int height, const PlanOptions& options, Value value) {
  Spread spread;
  constexpr int kCount = 20000;
  for (int id = 0; id < kCount; ++id) {
    const double v = value(plan_of(width, height, options, id));
    spread.low = std::min(spread.low, v);
    spread.high = std::max(spread.high, v);
    spread.mean += v / kCount;
  }
  return spread;
}

TEST(Plan, NoneTakesTheCentreAndNothingElse) {
  const Plan p = plan_of(500, 375, {});
  EXPECT_EQ(p.crop, (Region{138, 75, 224, 224}));
  EXPECT_EQ(p.region, p.crop);
  EXPECT_FALSE(p.mirror || p.colour || p.affine);
  EXPECT_EQ(p.resized_width + p.resized_height + p.enlarged_width + p.enlarged_height, 0);
}

TEST(Plan, ResizesTheShorterSideWithMxnetsIntegerDivision) {
  const Plan lying = plan_of(500, 375, {.resize = 256});
  EXPECT_EQ(lying.resized_width, 341);  // 256 * 500 / 375 = 341.33
  EXPECT_EQ(lying.resized_height, 256);
  EXPECT_EQ(lying.crop, (Region{58, 16, 224, 224}));
  const Plan standing = plan_of(375, 500, {.resize = 256});
  EXPECT_EQ(standing.resized_width, 256);
  EXPECT_EQ(standing.resized_height, 341);
}

TEST(Plan, APictureThatHasItsSizeAlreadyIsNotResized) {
  const Plan p = plan_of(300, 256, {.resize = 256});
  EXPECT_EQ(p.resized_width, 0);
  EXPECT_EQ(p.region, p.crop);
}

TEST(Plan, DecodesNoMoreThanTheCropOfTheResizedPictureNeeds) {
  const Plan p = plan_of(1000, 500, {.resize = 250});
  EXPECT_EQ(p.resized_width, 500);
  EXPECT_EQ(p.region, (Region{276, 26, 448, 448}));
}

TEST(Plan, TheSameNumbersGiveTheSamePlan) {
  const PlanOptions options{.augmentation = Augmentation::kCropColorTransform};
  EXPECT_EQ(plan_of(500, 375, options, 8).matrix, plan_of(500, 375, options, 8).matrix);
  EXPECT_NE(plan_of(500, 375, options, 8).matrix, plan_of(500, 375, options, 9).matrix);
}

TEST(Plan, RandomCropsReachEveryPlaceEvenly) {
  const PlanOptions options{.augmentation = Augmentation::kCrop};
  const Spread x = spread(244, 234, options, [](const Plan& p) { return p.crop.x; });
  EXPECT_EQ(x.low, 0);
  EXPECT_EQ(x.high, 20);
  EXPECT_NEAR(x.mean, 10, 0.2);
  const Spread y = spread(244, 234, options, [](const Plan& p) { return p.crop.y; });
  EXPECT_EQ(y.low, 0);
  EXPECT_EQ(y.high, 10);
  EXPECT_NEAR(y.mean, 5, 0.1);
}

TEST(Plan, HalfOfThePicturesAreMirrored) {
  const Spread mirror =
      spread(244, 234, {.augmentation = Augmentation::kCrop}, [](const Plan& p) { return p.mirror ? 1 : 0; });
  EXPECT_NEAR(mirror.mean, 0.5, 0.015);
}

TEST(Plan, CropLeavesColoursAndShapeAlone) {
  const Plan p = plan_of(300, 300, {.augmentation = Augmentation::kCrop});
  EXPECT_FALSE(p.colour || p.affine);
}

TEST(Plan, ColourOffsetsHaveMxnetsRangeAndShape) {
  const PlanOptions options{.augmentation = Augmentation::kCropColor};
  const auto check = [&](int Plan::* offset, int max) {
    const Spread value = spread(300, 300, options, [&](const Plan& p) { return p.*offset; });
    EXPECT_GE(value.low, -max);
    EXPECT_LE(value.high, max);
    EXPECT_LE(value.low, -max * 0.95);
    EXPECT_GE(value.high, max * 0.95);
    EXPECT_NEAR(value.mean, 0, max * 0.02);
    // The variance of (u1 + 4 u2) / 5 is 17/25 of a uniform draw's; truncation towards 0 takes a little more.
    const Spread square = spread(300, 300, options, [&](const Plan& p) { return std::pow(p.*offset, 2); });
    EXPECT_NEAR(std::sqrt(square.mean), max * std::sqrt(17.0 / 75), max * 0.02);
  };
  check(&Plan::hue, 36);
  check(&Plan::saturation, 50);
  check(&Plan::lightness, 50);
  EXPECT_FALSE(plan_of(300, 300, options).affine);
}

TEST(Plan, GreyPicturesKeepTheirColour) {
  EXPECT_FALSE(plan_of(300, 300, {.channels = 1, .augmentation = Augmentation::kCropColor}).colour);
}

TEST(Plan, TheTransformStaysWithinItsLimitsAndKeepsTheCentre) {
  const PlanOptions options{.augmentation = Augmentation::kCropColorTransform};
  for (int id = 0; id < 1000; ++id) {
    const Plan p = plan_of(400, 300, options, id);
    ASSERT_TRUE(p.affine && p.colour);
    const auto& m = p.matrix;
    ASSERT_NEAR(m[0] * 200 + m[1] * 150 + m[2], 200, 1e-3);
    ASSERT_NEAR(m[3] * 200 + m[4] * 150 + m[5], 150, 1e-3);
    const double angle = std::atan2(-m[3], m[4]) * 180 / M_PI;
    ASSERT_NEAR(angle, std::round(angle), 1e-4);
    ASSERT_LE(std::abs(angle), 10.001);
    const double ws = std::hypot(m[3], m[4]), hs = (m[0] * m[4] - m[1] * m[3]) / ws;
    ASSERT_NEAR((ws + hs) / 2, 1, 1e-5);
    ASSERT_GE(ws / hs, 0.7499);
    ASSERT_LE(ws / hs, 1.2501);
    const double shear = (m[0] * m[3] + m[1] * m[4]) / (ws * ws);
    ASSERT_LE(std::abs(shear), 0.1001);
    ASSERT_EQ(p.region, (Region{0, 0, 400, 300}));
  }
}

TEST(Plan, TheAffineMatrixFollowsMxnetsFormula) {
  const auto m = affine_matrix({.shear = 0.1F, .angle = 10, .scale = 1, .ratio = 1.25F}, {400, 300});
  const double a = std::cos(M_PI / 18), b = std::sin(M_PI / 18), hs = 2 / 2.25, ws = 1.25 * hs;
  EXPECT_NEAR(m[0], hs * a - 0.1 * b * ws, 1e-6);
  EXPECT_NEAR(m[1], hs * b + 0.1 * a * ws, 1e-6);
  EXPECT_NEAR(m[3], -b * ws, 1e-6);
  EXPECT_NEAR(m[4], a * ws, 1e-6);
}

TEST(Plan, SmallPicturesAreEnlargedHeightFirst) {
  const Plan low = plan_of(300, 100, {});
  EXPECT_EQ(low.enlarged_width, 672);
  EXPECT_EQ(low.enlarged_height, 224);
  EXPECT_EQ(low.region, (Region{0, 0, 300, 100}));
  EXPECT_EQ(low.crop, (Region{224, 0, 224, 224}));
  const Plan narrow = plan_of(100, 300, {});
  EXPECT_EQ(narrow.enlarged_width, 224);
  EXPECT_EQ(narrow.enlarged_height, 672);
  const auto steps = enlarged_sizes({10, 100}, {224, 224});
  EXPECT_EQ(steps[0], (Size{22, 224}));
  EXPECT_EQ(steps[1], (Size{224, 2280}));
}

TEST(Plan, SmallPicturesCanBeRefused) {
  const std::string message = test::expect_error(ErrorKind::kData, [] { plan_of(300, 100, {.refuse_small = true}); });
  test::expect_contains(message, "300x100");
  test::expect_contains(message, "224x224");
  EXPECT_EQ(plan_of(224, 224, {.refuse_small = true}).crop, (Region{0, 0, 224, 224}));
}

TEST(Plan, RefusesToResizeAThreadOfPixelsIntoABomb) {
  test::expect_error(ErrorKind::kData, [] { plan_of(65500, 1, {}); });
  test::expect_error(ErrorKind::kData, [] { plan_of(65500, 1, {.resize = 256}); });
  test::expect_error(ErrorKind::kData,
                     [] { plan_of(40000, 300, {.augmentation = Augmentation::kCropColorTransform}); });
}

TEST(Plan, StretchIgnoresTheRest) {
  const Plan p = plan_of(
      300, 100,
      {.resize = 256, .augmentation = Augmentation::kCropColorTransform, .stretch = true, .refuse_small = true});
  EXPECT_EQ(p.resized_width, 224);
  EXPECT_EQ(p.resized_height, 224);
  EXPECT_EQ(p.region, (Region{0, 0, 300, 100}));
  EXPECT_EQ(p.crop, (Region{0, 0, 224, 224}));
  EXPECT_FALSE(p.affine || p.colour || p.mirror);
}

TEST(Plan, KnowsSageMakersNamesOfAugmentation) {
  EXPECT_EQ(parse_augmentation("none"), Augmentation::kNone);
  EXPECT_EQ(parse_augmentation("crop"), Augmentation::kCrop);
  EXPECT_EQ(parse_augmentation("crop_color"), Augmentation::kCropColor);
  EXPECT_EQ(parse_augmentation("crop_color_transform"), Augmentation::kCropColorTransform);
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [] { parse_augmentation("crop_colour"); }),
                        "crop_color_transform");
}

}  // namespace
}  // namespace lockstep::image
