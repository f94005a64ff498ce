#include "lockstep/image/plan.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "affine.h"

namespace lockstep::image {
namespace {

// MXNet's set_data_aug_level.
constexpr int kMaxHue = 36, kMaxSaturation = 50, kMaxLightness = 50, kMaxAngle = 10;
constexpr float kMaxShear = 0.1F, kMaxAspect = 0.25F;
// Extreme shapes only: 1 x 60,000 pixels enlarged to a height of 224 would be 13 million wide.
constexpr int64_t kMaxResizedPixels = int64_t{1} << 26;
constexpr int kMaxAffineSide = 32766;  // cv::warpAffine counts in 16 bits

Size checked_size(int64_t width, int64_t height, Size from) {
  require(width > 0 && height > 0 && width <= kMaxResizedPixels / height, ErrorKind::kData, "a picture of ", from.width,
          "x", from.height, " pixels is too narrow: resized it would have ", width, "x", height);
  return {static_cast<int>(width), static_cast<int>(height)};
}

Size shorter_side_resized(Size size, int resize) {
  if (resize <= 0) return size;
  if (size.height > size.width) return checked_size(resize, int64_t{resize} * size.height / size.width, size);
  return checked_size(int64_t{resize} * size.width / size.height, resize, size);
}

AffineDraw draw_affine(Rng& rng) {
  AffineDraw draw;
  draw.shear = static_cast<float>(rng.uniform(-kMaxShear, kMaxShear));
  draw.angle = static_cast<int>(rng.uniform_int(-kMaxAngle, kMaxAngle));
  draw.ratio = static_cast<float>(rng.uniform(1 - kMaxAspect, 1 + kMaxAspect));
  return draw;
}

Region draw_crop(Size size, const PlanOptions& options, Rng& rng) {
  const int free_x = size.width - options.width, free_y = size.height - options.height;
  if (options.augmentation == Augmentation::kNone) return {free_x / 2, free_y / 2, options.width, options.height};
  const auto y = static_cast<int>(rng.uniform_int(0, free_y));
  const auto x = static_cast<int>(rng.uniform_int(0, free_x));
  return {x, y, options.width, options.height};
}

/// Not uniform: MXNet's sum of two draws makes the extremes rarer.
int draw_offset(int max, Rng& rng) {
  const double first = rng.uniform(), second = rng.uniform();
  return static_cast<int>((first + 4 * second) / 5 * max * 2 - max);
}

void draw_colour(Plan& plan, Rng& rng) {
  plan.colour = true;
  plan.hue = draw_offset(kMaxHue, rng);
  plan.saturation = draw_offset(kMaxSaturation, rng);
  plan.lightness = draw_offset(kMaxLightness, rng);
}

void set_resized(Plan& plan, Size from, Size to) {
  if (to == from) return;
  plan.resized_width = to.width;
  plan.resized_height = to.height;
}

/// The least that must be decoded: where every pixel depends on the crop's place alone.
Region needed_region(const Plan& plan) {
  const Region whole{0, 0, plan.width, plan.height};
  if (plan.affine || plan.enlarged_width) return whole;
  if (!plan.resized_width) return plan.crop;
  return source_under(plan.crop, {plan.width, plan.height}, {plan.resized_width, plan.resized_height});
}

}  // namespace

std::array<double, 6> affine_matrix(const AffineDraw& draw, Size size) {
  const double radians = draw.angle / 180.0 * std::numbers::pi;
  const auto a = static_cast<float>(std::cos(radians)), b = static_cast<float>(std::sin(radians));
  const float hs = 2 * draw.scale / (1 + draw.ratio), ws = draw.ratio * hs;
  const auto width = static_cast<float>(size.width), height = static_cast<float>(size.height);
  const float m00 = hs * a - draw.shear * b * ws, m01 = hs * b + draw.shear * a * ws;
  const float m10 = -b * ws, m11 = a * ws;
  const float m02 = (width - (m00 * width + m01 * height)) / 2, m12 = (height - (m10 * width + m11 * height)) / 2;
  return {m00, m01, m02, m10, m11, m12};
}

std::array<Size, 2> enlarged_sizes(Size size, Size wanted) {
  const auto scaled = [](int wanted_side, int side, int other) {
    return static_cast<int64_t>(static_cast<float>(wanted_side) / static_cast<float>(side) * static_cast<float>(other));
  };
  Size first = size;
  if (size.height < wanted.height)
    first = checked_size(scaled(wanted.height, size.height, size.width), wanted.height, size);
  Size second = first;
  if (first.width < wanted.width)
    second = checked_size(wanted.width, scaled(wanted.width, first.width, first.height), size);
  return {first, second};
}

Augmentation parse_augmentation(std::string_view name) {
  if (name == "none") return Augmentation::kNone;
  if (name == "crop") return Augmentation::kCrop;
  if (name == "crop_color") return Augmentation::kCropColor;
  if (name == "crop_color_transform") return Augmentation::kCropColorTransform;
  fail(ErrorKind::kUsage, "no augmentation is called \"", name,
       "\". There are: none, crop, crop_color, crop_color_transform");
}

Plan plan(const Header& header, Rng rng, const PlanOptions& options) {
  Plan plan;
  plan.width = header.width;
  plan.height = header.height;
  const Size picture{header.width, header.height}, wanted{options.width, options.height};
  if (options.stretch) {
    set_resized(plan, picture, wanted);
    plan.crop = {0, 0, options.width, options.height};
    plan.region = needed_region(plan);
    return plan;
  }
  const Size resized = shorter_side_resized(picture, options.resize);
  set_resized(plan, picture, resized);
  plan.affine = options.augmentation == Augmentation::kCropColorTransform;
  if (plan.affine) {
    require(std::max(resized.width, resized.height) <= kMaxAffineSide, ErrorKind::kData, "a picture of ", resized.width,
            "x", resized.height, " pixels is too long for crop_color_transform, whose limit is ", kMaxAffineSide);
    plan.matrix = affine_matrix(draw_affine(rng), resized);
  }

  const Size enlarged = enlarged_sizes(resized, wanted).back();
  if (enlarged != resized) {
    require(!options.refuse_small, ErrorKind::kData, "a picture of ", header.width, "x", header.height, " pixels",
            plan.resized_width ? cat(", resized to ", resized.width, "x", resized.height, ",") : "",
            " is smaller than the network's input of ", options.width, "x", options.height,
            ": give a larger `resize`, or let small pictures be enlarged");
    plan.enlarged_width = enlarged.width;
    plan.enlarged_height = enlarged.height;
  }
  plan.crop = draw_crop(enlarged, options, rng);
  const bool colour =
      options.augmentation == Augmentation::kCropColor || options.augmentation == Augmentation::kCropColorTransform;
  if (colour && options.channels == 3) draw_colour(plan, rng);
  plan.mirror = options.augmentation != Augmentation::kNone && rng.bernoulli(0.5);
  plan.region = needed_region(plan);
  return plan;
}

}  // namespace lockstep::image
