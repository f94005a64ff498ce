#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "lockstep/core/rng.h"
#include "lockstep/image/image.h"

namespace lockstep::image {

/// The first four are SageMaker's augmentation_type = MXNet's set_data_aug_level.
enum class Augmentation {
  kNone,                ///< centre crop
  kCrop,                ///< random crop, mirror with probability 1/2
  kCropColor,           ///< and H +-36, S +-50, L +-50 in OpenCV's 8-bit HLS
  kCropColorTransform,  ///< and rotation +-10 degrees, shear +-0.1, aspect ratio 0.75..1.25
  /// torchvision's RandomResizedCrop: 0.08..1 of the picture's area, width to height 3/4..4/3, cut out and resized to
  /// the input; mirror with probability 1/2. `resize` is for evaluation then, and no picture is too small.
  kRandomResizedCrop
};
/// "none", "crop", "crop_color", "crop_color_transform", "random_resized_crop"; usage Error otherwise.
Augmentation parse_augmentation(std::string_view name);

/// How pictures are resized.
enum class Interpolation {
  kBilinear,  ///< OpenCV's INTER_LINEAR, as MXNet: two pixels each way, however much smaller the picture becomes
  kAntialias  ///< Pillow's and torchvision's BILINEAR: every source pixel counts. 4 channels: each by itself
};
/// "bilinear", "antialias"; usage Error otherwise.
Interpolation parse_interpolation(std::string_view name);

/// How pictures become network input. The same struct serves training (with randomness), evaluation and prediction.
struct PlanOptions {
  int channels = 3, height = 224, width = 224;  ///< output
  int resize = 0;                               ///< shorter side before the crop; 0: as it is
  Augmentation augmentation = Augmentation::kNone;
  bool stretch = false;       ///< SageMaker's inference: resize to exactly width x height, no crop; the rest is ignored
  bool refuse_small = false;  ///< smaller than the crop is a data Error; otherwise it is enlarged (MXNet >= 1.3)
  uint8_t fill = 255;         ///< border of the affine transform
  Interpolation interpolation = Interpolation::kBilinear;  ///< of every resizing; the affine transform stays bilinear
  /// JPEGs at least twice as large each way as what becomes of them are decoded at 1/2, 1/4 or 1/8: faster, and not the
  /// pixels of a full decode.
  bool scaled_decode = false;
};

/// What was decided for one picture, before any pixel is decoded: MXNet's order is resize, affine, crop, colour,
/// mirror.
struct Plan {
  int shrink = 1;             ///< the picture is decoded at 1/shrink: decode_shrunk()
  int width = 0, height = 0;  ///< the whole picture, as shown, at that size (rounded up)
  Region region;              ///< of it must be decoded: no more than the crop needs, or everything (affine, enlarged)
  bool cut_first = false;     ///< `region` is cut out and resized to the output; nothing around it is looked at
  int resized_width = 0, resized_height = 0;  ///< size of the whole picture after `resize` or `stretch`; 0: unchanged
  bool affine = false;
  std::array<double, 6> matrix{};               ///< row-major 2x3, source to canvas, for cv::warpAffine
  int enlarged_width = 0, enlarged_height = 0;  ///< size after a too small picture was enlarged; 0: it was not
  Region crop;                                  ///< in the whole picture as it is by then
  int hue = 0, lightness = 0, saturation = 0;   ///< offsets in OpenCV's 8-bit HLS
  bool colour = false;
  bool mirror = false;
};

/// Decides. Draws from `rng` in MXNet's order and with its distributions (its random numbers themselves are not
/// reproduced). Data Error when the picture is too small and that is refused, or when resizing makes more than 2^26
/// pixels of it.
Plan plan(const Header& header, Rng rng, const PlanOptions& options);

/// Carries the plan out: `pixels` holds plan.region as decode() gave it; `out` is [height, width, channels] of the
/// options, RGB. Scratch memory is kept per thread.
void apply(const Plan& plan, const Image& pixels, const PlanOptions& options, std::span<uint8_t> out);

}  // namespace lockstep::image
