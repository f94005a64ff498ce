#pragma once

#include "lockstep/image/image.h"

namespace lockstep::image {

/// The turn of an EXIF orientation, as three flags: a shown pixel (x, y) is the stored pixel (a, b) = swap ? (y, x) :
/// (x, y), with a counted from the right when `flip_x`, and b from the bottom when `flip_y`.
struct Turn {
  bool swap = false, flip_x = false, flip_y = false;
};
Turn turn_of(int orientation);

/// The stored rectangle under a shown one. `width` and `height` are those of the shown picture.
Region stored_region(const Turn& turn, const Region& shown, int width, int height);

/// Turns stored pixels as they are to be shown.
void turn_pixels(const Turn& turn, const Image& stored, Image& shown);

}  // namespace lockstep::image
