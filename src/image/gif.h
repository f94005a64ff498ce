#pragma once

#include "lockstep/image/image.h"

namespace lockstep::image {

/// The first frame of a GIF on its canvas of `width` x `height`, as RGBA. A transparent pixel keeps its colour of the
/// palette with alpha 0; where the frame does not reach all four are 0. Data Error when the frame is broken, cut off or
/// outside the canvas.
void decode_gif(Bytes bytes, int width, int height, Image& rgba);

}  // namespace lockstep::image
