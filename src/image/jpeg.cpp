#include "jpeg.h"

#include "jpeg_baseline.h"
#include "libjpeg.h"

namespace lockstep::image {

void decode_jpeg(Bytes bytes, Bytes seek_points, int width, int height, int shrink, const Region& region, int channels,
                 Image& out) {
  if (shrink == 1 && decode_baseline(bytes, seek_points, width, height, region, channels, out)) return;
  decode_by_libjpeg(bytes, width, height, shrink, region, channels, out);
}

}  // namespace lockstep::image
