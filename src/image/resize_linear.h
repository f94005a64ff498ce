#pragma once

#include "resize.h"

namespace lockstep::image {

/// The source samples under `count` target samples from `begin` on.
Range linear_range(int begin, int count, int source, int target);

/// resize_window() for kBilinear.
void resize_linear(const Image& pixels, const Region& region, const Resizing& resizing, uint8_t* out);

}  // namespace lockstep::image
