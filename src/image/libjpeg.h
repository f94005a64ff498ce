#pragma once

#include "lockstep/image/image.h"

namespace lockstep::image {

/// Decodes the stored pixels under `region` (no turn) of any JPEG that libjpeg-turbo reads, at 1/`shrink` (1, 2, 4, 8)
/// of its size; `region` is counted in the shrunken pixels. `width` and `height` are the picture's own, as probe()
/// found them; another size in the frame header that libjpeg obeys is a data Error, so that probe()'s limit holds. One
/// decoder is kept per thread.
void decode_by_libjpeg(Bytes bytes, int width, int height, int shrink, const Region& region, int channels, Image& out);

}  // namespace lockstep::image
