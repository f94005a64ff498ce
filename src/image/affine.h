#pragma once

#include <array>

#include "resize.h"

namespace lockstep::image {

/// The draws of one affine transform. Canvas and picture have the same size.
struct AffineDraw {
  float shear = 0;
  int angle = 0;  ///< degrees
  float scale = 1;
  float ratio = 1;  ///< width to height
};

/// MXNet's matrix, source to canvas, with the centre kept in place: with a = cos, b = sin, hs = 2 scale / (1 + ratio),
/// ws = ratio hs
///   M00 = hs a - shear b ws   M01 = hs b + shear a ws   M10 = -b ws   M11 = a ws
/// in 32-bit floats, as MXNet computes it.
std::array<double, 6> affine_matrix(const AffineDraw& draw, Size size);

/// The sizes through which a picture goes until it covers `wanted`: its height is enlarged first, then its width, each
/// at most once and with MXNet's float arithmetic. The second equals the first where one step does, and both equal
/// `size` where none is needed.
std::array<Size, 2> enlarged_sizes(Size size, Size wanted);

}  // namespace lockstep::image
