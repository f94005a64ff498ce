#include <cstring>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "lockstep/image/image.h"
#include "opencv.h"

namespace lockstep::image {
namespace {

cv::Mat in_opencv_order(const Image& image) {
  const cv::Mat pixels = view(image);
  if (image.channels == 1) return pixels;
  cv::Mat swapped;
  cv::cvtColor(pixels, swapped, image.channels == 3 ? cv::COLOR_RGB2BGR : cv::COLOR_RGBA2BGRA);
  return swapped;
}

}  // namespace

void encode(const Image& image, Format format, int quality, std::vector<std::byte>& out) {
  require(format == Format::kJpeg || format == Format::kPng, ErrorKind::kBug, "encode: only JPEG and PNG are written");
  const bool jpeg = format == Format::kJpeg;
  thread_local std::vector<uint8_t> bytes;
  try {
    const bool done = cv::imencode(jpeg ? ".jpg" : ".png", in_opencv_order(image), bytes,
                                   {jpeg ? cv::IMWRITE_JPEG_QUALITY : cv::IMWRITE_PNG_COMPRESSION, quality});
    require(done, ErrorKind::kData, "a picture of ", image.width, "x", image.height, " cannot be encoded");
  } catch (const cv::Exception& error) {
    fail(ErrorKind::kData, "a picture of ", image.width, "x", image.height, " cannot be encoded: ", error.what());
  }
  out.resize(bytes.size());
  std::memcpy(out.data(), bytes.data(), bytes.size());
}

}  // namespace lockstep::image
