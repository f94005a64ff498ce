#pragma once

#include "lockstep/image/image.h"

namespace lockstep::image {

/// Decodes the stored pixels under `region` (no turn), as decode_by_libjpeg() does: by our own decoder where the file
/// is plain, by libjpeg otherwise. `shrink` is 1, 2, 4 or 8.
void decode_jpeg(Bytes bytes, Bytes seek_points, int width, int height, int shrink, const Region& region, int channels,
                 Image& out);

}  // namespace lockstep::image
