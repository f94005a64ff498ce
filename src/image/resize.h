#pragma once

#include "lockstep/image/image.h"
#include "lockstep/image/plan.h"

namespace lockstep::image {

struct Size {
  int width = 0, height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

/// Samples begin..end-1 along one side.
struct Range {
  int begin = 0, end = 0;
};

/// The source pixels that `window` of the picture resized from `source` to `target` is made of.
Region source_under(const Region& window, Size source, Size target, Interpolation interpolation);

/// A resizing of which only a window is wanted. The pixels are those that resizing the whole source would give there:
/// kBilinear equals cv::resize(INTER_LINEAR), kAntialias Pillow's resize(BILINEAR), pixel for pixel.
struct Resizing {
  Size source, target;
  Region window;  ///< of the target
  Interpolation interpolation = Interpolation::kBilinear;
  bool mirror = false;  ///< the window is written from right to left
};

/// `pixels` holds the rectangle `region` of the source, which covers source_under(window). `out` is [height, width,
/// channels] of the window. One pass over the pixels; scratch memory is kept per thread.
void resize_window(const Image& pixels, const Region& region, const Resizing& resizing, uint8_t* out);

/// The whole of it. `out` may not be `in`.
void resize_whole(const Image& in, Size target, Interpolation interpolation, Image& out);

}  // namespace lockstep::image
