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
// torchvision's RandomResizedCrop: share of the area, width to height or height to width, draws before it gives up.
constexpr double kMinArea = 0.08, kMaxShape = 4.0 / 3;
constexpr int kCropTries = 10;
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

/// A rectangle of a random share of the picture's area and a random shape; the largest of the allowed shapes in the
/// middle where ten draws do not fit.
Region draw_resized_crop(Size size, Rng& rng) {
  const double area = double{1} * size.width * size.height;
  for (int i = 0; i < kCropTries; ++i) {
    const double wanted = area * rng.uniform(kMinArea, 1);
    const double shape = std::exp(rng.uniform(-std::log(kMaxShape), std::log(kMaxShape)));
    const double width = std::nearbyint(std::sqrt(wanted * shape)), height = std::nearbyint(std::sqrt(wanted / shape));
    if (width < 1 || height < 1 || width > size.width || height > size.height) continue;
    Region crop{0, 0, static_cast<int>(width), static_cast<int>(height)};
    crop.y = static_cast<int>(rng.uniform_int(0, size.height - crop.height));
    crop.x = static_cast<int>(rng.uniform_int(0, size.width - crop.width));
    return crop;
  }
  const auto limited = [](int side, int other) {
    return std::min(side, static_cast<int>(std::nearbyint(other * kMaxShape)));
  };
  const Size crop{limited(size.width, size.height), limited(size.height, size.width)};
  return {(size.width - crop.width) / 2, (size.height - crop.height) / 2, crop.width, crop.height};
}

void set_resized(Plan& plan, Size to) {
  if (to == Size{plan.width, plan.height}) return;
  plan.resized_width = to.width;
  plan.resized_height = to.height;
}

/// Decoding may leave out what resizing `source` to `target` leaves out anyway.
void shrink(Plan& plan, const Header& header, Size source, Size target, const PlanOptions& options) {
  if (!options.scaled_decode) return;
  plan.shrink = shrink_for(header, {0, 0, source.width, source.height}, target.width, target.height);
  const Header small = shrunk(header, plan.shrink);
  plan.width = small.width;
  plan.height = small.height;
}

/// The pixels of the shrunk picture that the region of the whole one touches.
Region shrunk(const Region& region, int shrink) {
  const int x = region.x / shrink, y = region.y / shrink;
  return {x, y, (region.x + region.width + shrink - 1) / shrink - x,
          (region.y + region.height + shrink - 1) / shrink - y};
}

/// The least that must be decoded: where every pixel depends on the crop's place alone.
Region needed_region(const Plan& plan, Interpolation interpolation) {
  const Region whole{0, 0, plan.width, plan.height};
  if (plan.affine || plan.enlarged_width) return whole;
  if (!plan.resized_width) return plan.crop;
  return source_under(plan.crop, {plan.width, plan.height}, {plan.resized_width, plan.resized_height}, interpolation);
}

void plan_stretch(Plan& plan, const Header& header, const PlanOptions& options) {
  const Size wanted{options.width, options.height};
  set_resized(plan, wanted);
  if (plan.resized_width) shrink(plan, header, {header.width, header.height}, wanted, options);
  plan.crop = {0, 0, options.width, options.height};
  plan.region = needed_region(plan, options.interpolation);
}

void plan_resized_crop(Plan& plan, const Header& header, const PlanOptions& options, Rng& rng) {
  plan.cut_first = true;
  plan.crop = {0, 0, options.width, options.height};
  const Region drawn = draw_resized_crop({header.width, header.height}, rng);
  plan.mirror = rng.bernoulli(0.5);
  shrink(plan, header, {drawn.width, drawn.height}, {options.width, options.height}, options);
  plan.region = shrunk(drawn, plan.shrink);
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
  if (name == "random_resized_crop") return Augmentation::kRandomResizedCrop;
  fail(ErrorKind::kUsage, "no augmentation is called \"", name,
       "\". There are: none, crop, crop_color, crop_color_transform, random_resized_crop");
}

Interpolation parse_interpolation(std::string_view name) {
  if (name == "bilinear") return Interpolation::kBilinear;
  if (name == "antialias") return Interpolation::kAntialias;
  fail(ErrorKind::kUsage, "no interpolation is called \"", name, "\". There are: bilinear, antialias");
}

Plan plan(const Header& header, Rng rng, const PlanOptions& options) {
  Plan plan;
  plan.width = header.width;
  plan.height = header.height;
  if (options.stretch) {
    plan_stretch(plan, header, options);
    return plan;
  }
  if (options.augmentation == Augmentation::kRandomResizedCrop) {
    plan_resized_crop(plan, header, options, rng);
    return plan;
  }
  const Size picture{header.width, header.height}, wanted{options.width, options.height};
  const Size resized = shorter_side_resized(picture, options.resize);
  set_resized(plan, resized);
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
  if (plan.resized_width) shrink(plan, header, picture, resized, options);
  plan.region = needed_region(plan, options.interpolation);
  return plan;
}

}  // namespace lockstep::image
