#pragma once

#include "lockstep/image/image.h"

namespace lockstep::image {

/// Decodes the stored pixels under `region` (no turn). `width` and `height` are the picture's own, as probe() found
/// them; another size in the frame header that libjpeg obeys is a data Error, so that probe()'s limit holds. One
/// decoder is kept per thread.
void decode_jpeg(Bytes bytes, int width, int height, const Region& region, int channels, Image& out);

}  // namespace lockstep::image
