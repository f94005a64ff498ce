#pragma once

#include "resize.h"

namespace lockstep::image {

/// resize_window() for kAntialias: across into 8 bits, then down, each with a triangle as wide as the scale and weights
/// of 22 bits, as Pillow does it. (Since 13, Pillow goes down first where the height shrinks by more than twice as many
/// pixels as the width; some pixels differ by 1 then.)
void resize_antialias(const Image& pixels, const Region& region, const Resizing& resizing, uint8_t* out);

}  // namespace lockstep::image
