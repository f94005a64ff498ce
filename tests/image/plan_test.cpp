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

constexpr PlanOptions kResizedCrop{.augmentation = Augmentation::kRandomResizedCrop};

double area_of(const Plan& p) {
  return double{1} * p.region.width * p.region.height / (double{1} * p.width * p.height);
}
double shape_of(const Plan& p) { return double{1} * p.region.width / p.region.height; }

TEST(Plan, ResizedCropsHaveEveryAreaFrom8To100PerCentEquallyOften) {
  // Below three quarters each shape fits into a square, and no draw is refused.
  const auto share = [](double low, double high) {
    return spread(3000, 3000, kResizedCrop,
                  [=](const Plan& p) { return area_of(p) >= low && area_of(p) < high ? 1 : 0; })
        .mean;
  };
  const double unit = share(0.08, 0.75) / 0.67;
  for (const double low : {0.08, 0.25, 0.45, 0.6}) EXPECT_NEAR(share(low, low + 0.15), 0.15 * unit, 0.01) << low;
  const Spread all = spread(3000, 3000, kResizedCrop, area_of);
  EXPECT_NEAR(all.low, 0.08, 0.002);
  EXPECT_GE(all.high, 0.98);
  EXPECT_LE(all.high, 1);
}

TEST(Plan, ResizedCropsHaveShapesFromThreeQuartersToFourThirdsEvenlyByTheirLogarithm) {
  const Spread shape = spread(3000, 2900, kResizedCrop, [](const Plan& p) { return std::log(shape_of(p)); });
  const double limit = std::log(4.0 / 3);
  EXPECT_NEAR(shape.low, -limit, 0.002);
  EXPECT_NEAR(shape.high, limit, 0.002);
  EXPECT_NEAR(shape.mean, 0, 0.01);
}

TEST(Plan, AResizedCropLiesInsideThePictureAndReachesItsEdges) {
  for (const auto& [width, height] : {std::pair{500, 375}, {7, 5}, {1, 1}, {30, 2000}}) {
    bool left = false, right = false, top = false, bottom = false;
    for (int id = 0; id < 3000; ++id) {
      const Plan p = plan_of(width, height, kResizedCrop, id);
      const Region& r = p.region;
      ASSERT_TRUE(r.x >= 0 && r.y >= 0 && r.width > 0 && r.height > 0 && r.x + r.width <= width &&
                  r.y + r.height <= height);
      ASSERT_TRUE(p.cut_first && !p.affine && !p.colour);
      left |= r.x == 0;
      right |= r.x + r.width == width;
      top |= r.y == 0;
      bottom |= r.y + r.height == height;
    }
    EXPECT_TRUE(left && right) << width << "x" << height;
    EXPECT_EQ(top && bottom, height < 2000) << width << "x" << height;
  }
}

TEST(Plan, WhereNoResizedCropFitsTheMiddleIsTaken) {
  EXPECT_EQ(plan_of(30, 2000, kResizedCrop).region, (Region{0, 980, 30, 40}));
  EXPECT_EQ(plan_of(2000, 30, kResizedCrop).region, (Region{980, 0, 40, 30}));
  EXPECT_EQ(plan_of(1, 1, kResizedCrop).region, (Region{0, 0, 1, 1}));
}

TEST(Plan, HalfOfTheResizedCropsAreMirroredAndTheyAreAFunctionOfTheSample) {
  EXPECT_NEAR(spread(400, 300, kResizedCrop, [](const Plan& p) { return p.mirror ? 1 : 0; }).mean, 0.5, 0.015);
  EXPECT_EQ(plan_of(400, 300, kResizedCrop, 3).region, plan_of(400, 300, kResizedCrop, 3).region);
  EXPECT_NE(plan_of(400, 300, kResizedCrop, 3).region, plan_of(400, 300, kResizedCrop, 4).region);
}

TEST(Plan, ResizeAndRefusalOfSmallPicturesAreNotForResizedCrops) {
  PlanOptions options = kResizedCrop;
  options.resize = 256;
  options.refuse_small = true;
  const Plan p = plan_of(100, 80, options);
  EXPECT_EQ(p.region, plan_of(100, 80, kResizedCrop).region);
  EXPECT_EQ(p.resized_width + p.enlarged_width, 0);
}

TEST(Plan, ScaledDecodingShrinksAsFarAsNothingIsEnlarged) {
  const PlanOptions options{.resize = 256, .scaled_decode = true};
  const Plan half = plan_of(1001, 601, options);
  EXPECT_EQ(half.shrink, 2);
  EXPECT_EQ(half.width, 501);
  EXPECT_EQ(half.height, 301);
  EXPECT_EQ(half.resized_width, plan_of(1001, 601, {.resize = 256}).resized_width);
  EXPECT_EQ(half.crop, plan_of(1001, 601, {.resize = 256}).crop);
  EXPECT_LE(half.region.x + half.region.width, 501);
  EXPECT_EQ(plan_of(600, 511, options).shrink, 1);
  EXPECT_EQ(plan_of(600, 512, options).shrink, 2);
  EXPECT_EQ(plan_of(9000, 9000, options).shrink, 8);
}

TEST(Plan, ScaledDecodingTouchesOnlyJpegsThatAreResized) {
  EXPECT_EQ(plan_of(2000, 2000, {.scaled_decode = true}).shrink, 1);
  EXPECT_EQ(plan_of(2000, 2000, {.resize = 256}).shrink, 1);
  const Header png{Format::kPng, 2000, 2000, 1};
  EXPECT_EQ(plan(png, Rng(1, RngUse::kAugment), {.resize = 256, .scaled_decode = true}).shrink, 1);
}

TEST(Plan, AShrunkResizedCropCoversTheOneThatWasDrawn) {
  PlanOptions scaled = kResizedCrop;
  scaled.scaled_decode = true;
  int shrunk = 0;
  for (int id = 0; id < 500; ++id) {
    const Region exact = plan_of(2001, 1503, kResizedCrop, id).region;
    const Plan p = plan_of(2001, 1503, scaled, id);
    shrunk += p.shrink > 1;
    ASSERT_LE(p.region.x * p.shrink, exact.x);
    ASSERT_LT(exact.x - p.region.x * p.shrink, p.shrink);
    ASSERT_GE((p.region.x + p.region.width) * p.shrink, exact.x + exact.width);
    ASSERT_LE(p.region.x + p.region.width, p.width);
    ASSERT_LE(p.region.y + p.region.height, p.height);
    ASSERT_TRUE(p.shrink == 1 || (p.region.width >= 224 && p.region.height >= 224));
  }
  EXPECT_GT(shrunk, 400);
}

TEST(Plan, KnowsSageMakersNamesOfAugmentation) {
  EXPECT_EQ(parse_augmentation("none"), Augmentation::kNone);
  EXPECT_EQ(parse_augmentation("crop"), Augmentation::kCrop);
  EXPECT_EQ(parse_augmentation("crop_color"), Augmentation::kCropColor);
  EXPECT_EQ(parse_augmentation("crop_color_transform"), Augmentation::kCropColorTransform);
  EXPECT_EQ(parse_augmentation("random_resized_crop"), Augmentation::kRandomResizedCrop);
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [] { parse_augmentation("crop_colour"); }),
                        "crop_color_transform");
}

TEST(Plan, KnowsTheNamesOfInterpolations) {
  EXPECT_EQ(parse_interpolation("bilinear"), Interpolation::kBilinear);
  EXPECT_EQ(parse_interpolation("antialias"), Interpolation::kAntialias);
  test::expect_contains(test::expect_error(ErrorKind::kUsage, [] { parse_interpolation("cubic"); }), "antialias");
}

}  // namespace
}  // namespace lockstep::image
