#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/core/error.h"
#include "lockstep/core/file.h"

namespace lockstep::image {

/// A rectangle of pixels.
struct Region {
  int x = 0, y = 0, width = 0, height = 0;
  friend bool operator==(const Region&, const Region&) = default;
};

/// 8-bit pixels, rows from top to bottom, channels interleaved: [height, width, channels]. Channels are RGB, grey or
/// RGBA. Buffers are reused: assigning a smaller picture frees nothing.
struct Image {
  int width = 0, height = 0, channels = 0;
  std::vector<uint8_t> pixels;  // height * width * channels
  void resize(int new_width, int new_height, int new_channels) {
    width = new_width;
    height = new_height;
    channels = new_channels;
    pixels.resize(size_t{1} * width * height * channels);
  }
};

enum class Format { kJpeg, kPng, kWebp, kBmp, kGif, kTiff, kOther };

/// What the first bytes of a picture say, before anything is decoded.
struct Header {
  Format format = Format::kOther;
  int width = 0, height = 0;  ///< as shown: after the turn that the EXIF orientation asks for
  int orientation = 1;        ///< EXIF, 1..8; 1 when absent or invalid
};

/// Reads the header of a JPEG, PNG, WebP, BMP, GIF or TIFF. Data Error when it is none of them, is cut off or has more
/// than `max_pixels` pixels: nothing of the picture's size has been allocated by then.
Header probe(Bytes bytes, int64_t max_pixels);

/// Decodes the pixels of `region` (in shown coordinates; the whole picture: {0, 0, width, height}) into `out`.
///
/// JPEG and GIF go through our own decoders, JPEG only as far as the region needs; JPEGs that are not plain baseline
/// through libjpeg-turbo, only the rows and columns under the region; everything else through OpenCV, whole, then cut.
/// Inside the region the pixels equal a full decode byte for byte, of a JPEG that of libjpeg-turbo with islow DCT and
/// fancy upsampling. `channels` 3: grey becomes RGB, alpha is dropped, CMYK and YCCK are converted, 16 bits keep
/// their upper 8. 1: grey (OpenCV's weights). 4: RGBA, opaque where the picture has no alpha. The picture is turned by
/// its EXIF orientation, as MXNet's wheel does. An animation gives its first frame. Data Error when the picture is
/// broken; a JPEG that libjpeg only warns about is decoded as libjpeg would. `seek_points`: what index_scan() said of
/// these bytes, or empty; then a region is found without decoding what stands before it. Points of other bytes may give
/// wrong pixels, though most are noticed and ignored; they never do worse. Memory is kept per thread: in the steady
/// state nothing is allocated for a JPEG.
void decode(Bytes bytes, Bytes seek_points, const Header& header, const Region& region, int channels, Image& out);

/// The places in the scan of a JPEG where decoding can start, in a compact form that only decode() reads (its bytes:
/// src/image/jpeg_index.h), about 1.2 % of the picture's. Empty where there are none: another format, or a JPEG that is
/// not plain baseline or damaged.
std::vector<std::byte> index_scan(Bytes bytes);

/// Decoding a JPEG at 1/2, 1/4 or 1/8 of its size, which is faster and not exact: each pixel is about the mean of
/// shrink x shrink of the picture's. In three steps:
///   const int shrink = shrink_for(header, region, 224, 224);      // 1: use decode()
///   const Header small = shrunk(header, shrink);                  // what there is to decode
///   decode_shrunk(bytes, seek_points, header, shrink, region_in_small, channels, out);
///
/// The largest shrink that leaves the region at least `width` x `height`; 1 for another format.
int shrink_for(const Header& header, const Region& region, int width, int height);
/// The size becomes ceil(size / shrink). Place x of the picture is x / shrink here.
Header shrunk(const Header& header, int shrink);
/// `header` is the picture's own; `region` is inside shrunk(header, shrink). Otherwise as decode().
void decode_shrunk(Bytes bytes, Bytes seek_points, const Header& header, int shrink, const Region& region, int channels,
                   Image& out);

/// JPEG (`quality` 1..100) or PNG (`quality` = compression 0..9), as OpenCV's imencode writes it.
void encode(const Image& image, Format format, int quality, std::vector<std::byte>& out);

/// OpenCV's bilinear resize (INTER_LINEAR), pixel for pixel. `out` may not be `in`.
void resize_bilinear(const Image& in, int width, int height, Image& out);

/// "libjpeg-turbo 2.1.5\nOpenCV 4.6.0".
std::string codec_versions();

}  // namespace lockstep::image
