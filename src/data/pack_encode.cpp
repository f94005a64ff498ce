#include "pack_encode.h"

#include <algorithm>

#include "lockstep/core/error.h"
#include "lockstep/record/format.h"
#include "lockstep/record/image_record.h"
#include "picture_file.h"

namespace lockstep::data {
namespace {

constexpr int64_t kMaxPixels = 178'000'000;

uint32_t byte_at(Bytes bytes, size_t at) { return at < bytes.size() ? static_cast<uint32_t>(bytes[at]) : 0; }

/// PNG: the colour type stands at byte 25: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
int png_channels(Bytes png) {
  const uint32_t type = byte_at(png, 25);
  if (type == 0) return 1;
  return type == 4 || type == 6 ? 4 : 3;
}

/// JPEG: the frame header SOF (FF C0..CF without C4, C8, CC) is FF Cn length:u16 bits:u8 height:u16 width:u16
/// components:u8.
int jpeg_channels(Bytes jpeg) {
  for (size_t at = 2; at + 9 < jpeg.size() && byte_at(jpeg, at) == 0xFF;) {
    const uint32_t marker = byte_at(jpeg, at + 1);
    const bool is_frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame) return byte_at(jpeg, at + 9) == 1 ? 1 : 3;
    at += marker == 0xFF ? 1 : 2 + (byte_at(jpeg, at + 2) << 8 | byte_at(jpeg, at + 3));
  }
  return 3;
}

/// --color: 1 RGB, 0 grey, -1 as the file is.
int channels_of(Bytes file, image::Format format, int64_t colour) {
  if (colour == 1) return 3;
  if (colour == 0) return 1;
  if (format == image::Format::kPng) return png_channels(file);
  return format == image::Format::kJpeg ? jpeg_channels(file) : 3;
}

/// im2rec's --center-crop: the square in the middle, before any resize.
image::Region cropped(const image::Header& header, bool center_crop) {
  const int width = header.width, height = header.height, side = std::min(width, height);
  if (!center_crop) return {0, 0, width, height};
  return {(width - side) / 2, (height - side) / 2, side, side};
}

}  // namespace

void PictureEncoder::encode_again(const image::Header& header) {
  const int channels = channels_of(file_, header.format, options_.colour);
  image::decode(file_, {}, header, cropped(header, options_.center_crop), channels, pixels_);
  if (options_.resize > 0) {
    const int64_t shorter = std::min(pixels_.width, pixels_.height);
    const int64_t width = pixels_.width * options_.resize / shorter,
                  height = pixels_.height * options_.resize / shorter;
    require(width * height <= kMaxPixels, ErrorKind::kData, "--resize makes ", width, "x", height, " pixels of it");
    image::resize_bilinear(pixels_, static_cast<int>(width), static_cast<int>(height), resized_);
    std::swap(pixels_, resized_);
  }
  const bool png = options_.encoding == ".png";
  // OpenCV, and with it im2rec, takes 9 for every larger PNG compression; the default quality is made for JPEG.
  const auto quality = static_cast<int>(png ? std::min<int64_t>(options_.quality, 9) : options_.quality);
  image::encode(pixels_, png ? image::Format::kPng : image::Format::kJpeg, quality, encoded_);
}

void PictureEncoder::encode(const Path& root, const record::ListEntry& entry, std::vector<std::byte>& payload) {
  read_picture(root / entry.path, file_);
  const image::Header header = image::probe(file_, kMaxPixels);
  if (!options_.pass_through) encode_again(header);
  const Bytes picture = options_.pass_through ? file_ : encoded_;
  require(picture.size() + record::kImageHeaderBytes + 4 * entry.labels.size() <= record::kMaxRecordBytes,
          ErrorKind::kData, picture.size(), " bytes are more than a record holds (512 MiB)");
  record::pack(entry.index, entry.labels, packed_, picture, payload);
}

}  // namespace lockstep::data
