#include <cstdio>  // jpeglib.h wants FILE

#include <jpeglib.h>
#include <opencv2/core/version.hpp>

#include "lockstep/core/text.h"
#include "lockstep/image/image.h"

namespace lockstep::image {

std::string codec_versions() {
  constexpr int kTurbo = LIBJPEG_TURBO_VERSION_NUMBER;
  return cat("libjpeg-turbo ", kTurbo / 1000000, ".", kTurbo / 1000 % 1000, ".", kTurbo % 1000, "\nOpenCV ",
             CV_VERSION);
}

}  // namespace lockstep::image
