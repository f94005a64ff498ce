#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "gif.h"
#include "jpeg.h"
#include "lockstep/image/image.h"
#include "opencv.h"
#include "orientation.h"

namespace lockstep::image {
namespace {

const char* name_of(Format format) {
  switch (format) {
    case Format::kJpeg:
      return "JPEG";
    case Format::kPng:
      return "PNG";
    case Format::kWebp:
      return "WebP";
    case Format::kBmp:
      return "BMP";
    case Format::kGif:
      return "GIF";
    case Format::kTiff:
      return "TIFF";
    case Format::kOther:
      break;
  }
  return "picture";
}

/// The whole picture, in OpenCV's channel order; empty when OpenCV cannot decode it.
cv::Mat decode_whole(Bytes bytes, int channels, Format format) {
  const int mode = channels == 1 ? cv::IMREAD_GRAYSCALE : channels == 3 ? cv::IMREAD_COLOR : cv::IMREAD_UNCHANGED;
  const int flags = channels == 4 ? mode : mode | cv::IMREAD_IGNORE_ORIENTATION;
  const cv::Mat input(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<std::byte*>(bytes.data()));
  try {
    return cv::imdecode(input, flags);
  } catch (const cv::Exception& error) {
    fail(ErrorKind::kData, name_of(format), " cannot be decoded: ", error.what());
  }
}

/// What IMREAD_UNCHANGED leaves to us: 16 bits keep their upper 8, and every kind of picture becomes BGRA.
cv::Mat to_bgra(const cv::Mat& any) {
  cv::Mat bytes = any;
  if (any.depth() == CV_16U) {
    bytes.create(any.rows, any.cols, CV_8UC(any.channels()));
    const auto* from = any.ptr<uint16_t>();
    std::transform(from, from + any.total() * any.channels(), bytes.ptr(), [](uint16_t v) { return uint8_t(v >> 8); });
  }
  cv::Mat bgra = bytes;
  if (bytes.channels() == 1) cv::cvtColor(bytes, bgra, cv::COLOR_GRAY2BGRA);
  if (bytes.channels() == 3) cv::cvtColor(bytes, bgra, cv::COLOR_BGR2BGRA);
  return bgra;
}

void decode_by_opencv(Bytes bytes, const Header& header, const Region& region, int channels, Image& out) {
  keep_opencv_single_threaded();
  require(bytes.size() <= size_t{INT32_MAX}, ErrorKind::kData, "a picture of ", bytes.size(), " bytes is too large");
  cv::Mat whole = decode_whole(bytes, channels, header.format);
  require(!whole.empty(), ErrorKind::kData, name_of(header.format),
          " cannot be decoded: it is broken, or of a kind that OpenCV does not read");
  if (channels == 4 && (whole.depth() == CV_8U || whole.depth() == CV_16U)) whole = to_bgra(whole);
  require(whole.type() == CV_8UC(channels), ErrorKind::kData, name_of(header.format),
          " has pixels of a type that is not read here");
  require(whole.cols == header.width && whole.rows == header.height, ErrorKind::kData, name_of(header.format), " says ",
          header.width, "x", header.height, " in its header and holds ", whole.cols, "x", whole.rows);
  const cv::Mat part = whole(cv::Rect(region.x, region.y, region.width, region.height));
  out.resize(region.width, region.height, channels);
  cv::Mat target = view(out);
  if (channels == 1)
    part.copyTo(target);
  else
    cv::cvtColor(part, target, channels == 3 ? cv::COLOR_BGR2RGB : cv::COLOR_BGRA2RGBA);
}

void decode_first_frame(Bytes bytes, const Header& header, const Region& region, int channels, Image& out) {
  thread_local Image canvas;
  decode_gif(bytes, header.width, header.height, canvas);
  const cv::Mat part = view(canvas)(cv::Rect(region.x, region.y, region.width, region.height));
  out.resize(region.width, region.height, channels);
  cv::Mat target = view(out);
  if (channels == 4)
    part.copyTo(target);
  else
    cv::cvtColor(part, target, channels == 3 ? cv::COLOR_RGBA2RGB : cv::COLOR_RGBA2GRAY);
}

void decode_any_jpeg(Bytes bytes, Bytes seek_points, const Header& header, int shrink, const Region& region,
                     int channels, Image& out) {
  if (header.orientation == 1)
    return decode_jpeg(bytes, seek_points, header.width, header.height, shrink, region, channels, out);
  const Turn turn = turn_of(header.orientation);
  const Header small = shrunk(header, shrink);
  const Region stored = stored_region(turn, region, small.width, small.height);
  const int width = turn.swap ? header.height : header.width, height = turn.swap ? header.width : header.height;
  thread_local Image pixels;
  decode_jpeg(bytes, seek_points, width, height, shrink, stored, channels, pixels);
  turn_pixels(turn, pixels, out);
}

void check(const Header& header, const Region& region, int channels) {
  require(channels == 1 || channels == 3 || channels == 4, ErrorKind::kBug, "decode: ", channels, " channels");
  require(region.x >= 0 && region.y >= 0 && region.width > 0 && region.height > 0 &&
              region.width <= header.width - region.x && region.height <= header.height - region.y,
          ErrorKind::kBug, "decode: region ", region.width, "x", region.height, "+", region.x, "+", region.y,
          " is not inside ", header.width, "x", header.height);
}

}  // namespace

void decode(Bytes bytes, Bytes seek_points, const Header& header, const Region& region, int channels, Image& out) {
  check(header, region, channels);
  if (header.format == Format::kGif) return decode_first_frame(bytes, header, region, channels, out);
  if (header.format != Format::kJpeg) return decode_by_opencv(bytes, header, region, channels, out);
  decode_any_jpeg(bytes, seek_points, header, 1, region, channels, out);
}

int shrink_for(const Header& header, const Region& region, int width, int height) {
  int shrink = header.format == Format::kJpeg ? 8 : 1;
  while (shrink > 1 && (region.width < shrink * width || region.height < shrink * height)) shrink /= 2;
  return shrink;
}

Header shrunk(const Header& header, int shrink) {
  Header small = header;
  small.width = (header.width + shrink - 1) / shrink;
  small.height = (header.height + shrink - 1) / shrink;
  return small;
}

void decode_shrunk(Bytes bytes, Bytes seek_points, const Header& header, int shrink, const Region& region, int channels,
                   Image& out) {
  if (shrink == 1) return decode(bytes, seek_points, header, region, channels, out);
  require(header.format == Format::kJpeg && (shrink == 2 || shrink == 4 || shrink == 8), ErrorKind::kBug,
          "decode_shrunk: shrink ", shrink);
  check(shrunk(header, shrink), region, channels);
  decode_any_jpeg(bytes, seek_points, header, shrink, region, channels, out);
}

}  // namespace lockstep::image
