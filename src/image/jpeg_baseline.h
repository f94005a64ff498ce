#pragma once

#include "lockstep/image/image.h"

namespace lockstep::image {

/// Decodes the stored pixels under `region` of a plain baseline JPEG (jpeg_header.h) of `width` x `height` pixels: only
/// the scan down to the region is read, with seek points little more than the region, and only blocks under it are
/// transformed. Equal byte for byte to libjpeg-turbo's full decode with islow DCT and fancy upsampling. False where the
/// file is of another kind or irregular in what was read of it: libjpeg must decide then, and `out` holds anything.
/// Seek points that cannot be of this file are ignored. Memory is kept per thread.
bool decode_baseline(Bytes bytes, Bytes seek_points, int width, int height, const Region& region, int channels,
                     Image& out);

}  // namespace lockstep::image
