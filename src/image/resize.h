#pragma once

#include "lockstep/image/image.h"

namespace lockstep::image {

struct Size {
  int width = 0, height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

/// The source pixels that `window` of the picture resized from `source` to `target` is made of.
Region source_under(const Region& window, Size source, Size target);

/// The pixels of `window` in the picture that cv::resize(INTER_LINEAR) would make of the whole source, equal to it
/// pixel for pixel. `pixels` holds the rectangle `region` of the source, which covers source_under(window). `out` is
/// [height, width, channels] of the window.
void resize_window(const Image& pixels, const Region& region, Size source, Size target, const Region& window,
                   uint8_t* out);

}  // namespace lockstep::image
