#include <cstring>
#include <string_view>

#include "lockstep/image/image.h"

namespace lockstep::image {
namespace {

enum class Order { kLittle, kBig };

/// Numbers at fixed places of a header. A place beyond the end reads as 0: a header that is cut off has no size.
class Fields {
 public:
  Fields(Bytes bytes, Order order) : bytes_(bytes), order_(order) {}

  size_t size() const { return bytes_.size(); }
  uint32_t u8(size_t at) const { return at < bytes_.size() ? std::to_integer<uint32_t>(bytes_[at]) : 0; }
  uint32_t u16(size_t at) const { return number(at, 2); }
  uint32_t u24(size_t at) const { return number(at, 3); }
  uint32_t u32(size_t at) const { return number(at, 4); }
  bool has(size_t at, std::string_view text) const {
    return at <= size() && size() - at >= text.size() && std::memcmp(bytes_.data() + at, text.data(), text.size()) == 0;
  }
  Bytes part(size_t at, size_t count) const {
    return at < size() ? bytes_.subspan(at, std::min(count, size() - at)) : Bytes();
  }

 private:
  uint32_t number(size_t at, size_t count) const {
    if (at > size() || size() - at < count) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8 | u8(order_ == Order::kBig ? at + i : at + count - 1 - i);
    return value;
  }

  Bytes bytes_;
  Order order_;
};

/// The numbers as the file says them, which may be any.
struct Claim {
  Format format = Format::kOther;
  int64_t width = 0, height = 0;
  int orientation = 1;
};

// A TIFF file, and the body of an EXIF segment:
//   0  "II" (little endian) or "MM" (big endian), 42 as u16
//   4  u32: offset of the first directory: u16 count, then per entry 12 bytes: u16 tag, u16 type, u32 count, value or
//   its offset
constexpr uint32_t kTagWidth = 256, kTagHeight = 257, kTagOrientation = 274, kTypeShort = 3;

Fields tiff_fields(Bytes bytes) {
  const bool little = bytes.size() > 0 && bytes[0] == std::byte{'I'};
  return {bytes, little ? Order::kLittle : Order::kBig};
}

/// 0 when the first directory has no such tag.
uint32_t tiff_value(const Fields& tiff, uint32_t tag) {
  const size_t directory = tiff.u32(4);
  const uint32_t count = tiff.u16(directory);
  for (size_t i = 0; i < count; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (tiff.u16(entry) != tag) continue;
    return tiff.u16(entry + 2) == kTypeShort ? tiff.u16(entry + 8) : tiff.u32(entry + 8);
  }
  return 0;
}

Claim read_tiff(Bytes bytes) {
  const Fields tiff = tiff_fields(bytes);
  return {Format::kTiff, tiff_value(tiff, kTagWidth), tiff_value(tiff, kTagHeight)};
}

/// `segment` is the body of an APP1 segment: "Exif", two zero bytes, a TIFF header.
int exif_orientation(Bytes segment) {
  using namespace std::string_view_literals;
  if (!Fields(segment, Order::kBig).has(0, "Exif\0\0"sv)) return 1;
  const uint32_t value = tiff_value(tiff_fields(segment.subspan(6)), kTagOrientation);
  return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
}

// JPEG: segments of FF, marker, u16 size (counting itself), body. The frame header's body: u8 precision, u16 height,
// u16 width.
constexpr uint32_t kMarkerEnd = 0xD9, kMarkerScan = 0xDA, kMarkerApp1 = 0xE1;

bool has_no_body(uint32_t marker) { return marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD7); }
bool is_frame(uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Steps over what lies between two segments, as libjpeg does, and over the marker's FF.
size_t next_marker(const Fields& jpeg, size_t at) {
  while (at < jpeg.size() && jpeg.u8(at) != 0xFF) ++at;
  while (at < jpeg.size() && jpeg.u8(at) == 0xFF) ++at;
  require(at < jpeg.size(), ErrorKind::kData, "JPEG is cut off inside its header");
  return at;
}

Claim read_jpeg(Bytes bytes) {
  const Fields jpeg(bytes, Order::kBig);
  Claim claim{Format::kJpeg};
  bool exif = false;
  for (size_t at = 2;;) {
    at = next_marker(jpeg, at);
    const uint32_t marker = jpeg.u8(at++);
    if (has_no_body(marker)) continue;
    require(marker != kMarkerEnd, ErrorKind::kData, "JPEG holds no picture: it ends before a scan begins");
    if (marker == kMarkerScan) return claim;
    const size_t size = jpeg.u16(at);
    require(size >= 2, ErrorKind::kData, "JPEG header is broken: a segment of ", size, " bytes at offset ", at);
    if (is_frame(marker) && claim.width == 0) {
      claim.height = jpeg.u16(at + 3);
      claim.width = jpeg.u16(at + 5);
    } else if (marker == kMarkerApp1 && !exif) {
      claim.orientation = exif_orientation(jpeg.part(at + 2, size - 2));
      exif = jpeg.has(at + 2, "Exif");
    }
    at += size;
  }
}

// PNG: 8 bytes signature, then the chunk IHDR: u32 length, "IHDR", u32 width, u32 height.
Claim read_png(const Fields& png) {
  if (!png.has(12, "IHDR")) return {Format::kPng};
  return {Format::kPng, png.u32(16), png.u32(20)};
}

// WebP: "RIFF", u32 size, "WEBP", then the first chunk: name, u32 size, body.
//   "VP8 "  a key frame: 3 bytes of frame tag, 9D 01 2A, u16 width and u16 height whose upper 2 bits are a scale
//   "VP8L"  2F, then 14 bits width - 1, 14 bits height - 1
//   "VP8X"  4 bytes of flags, u24 canvas width - 1, u24 canvas height - 1
Claim read_webp(const Fields& webp) {
  if (webp.has(12, "VP8 ")) return {Format::kWebp, webp.u16(26) & 0x3FFF, webp.u16(28) & 0x3FFF};
  if (webp.size() < 25) return {Format::kWebp};
  const uint32_t bits = webp.u32(21);
  if (webp.has(12, "VP8L")) return {Format::kWebp, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1};
  if (webp.size() < 30 || !webp.has(12, "VP8X")) return {Format::kWebp};
  return {Format::kWebp, int64_t{webp.u24(24)} + 1, int64_t{webp.u24(27)} + 1};
}

// BMP: 14 bytes of file header, then u32 size of the next header: 12 (u16 width, u16 height) or more (i32 width, i32
// height, which is negative when the rows begin at the top).
Claim read_bmp(const Fields& bmp) {
  if (bmp.u32(14) == 12) return {Format::kBmp, bmp.u16(18), bmp.u16(20)};
  const int64_t height = static_cast<int32_t>(bmp.u32(22));
  return {Format::kBmp, static_cast<int32_t>(bmp.u32(18)), std::abs(height)};
}

Claim read_claim(Bytes bytes) {
  using namespace std::string_view_literals;
  const Fields big(bytes, Order::kBig), little(bytes, Order::kLittle);
  if (big.has(0, "\xFF\xD8"sv)) return read_jpeg(bytes);
  if (big.has(0, "\x89PNG\r\n\x1A\n"sv)) return read_png(big);
  if (big.has(0, "RIFF"sv) && big.has(8, "WEBP"sv)) return read_webp(little);
  if (big.has(0, "GIF87a"sv) || big.has(0, "GIF89a"sv)) return {Format::kGif, little.u16(6), little.u16(8)};
  if (big.has(0, "II*\0"sv) || big.has(0, "MM\0*"sv)) return read_tiff(bytes);
  if (big.has(0, "BM"sv)) return read_bmp(little);
  fail(ErrorKind::kData, bytes.empty() ? "the picture is empty (0 bytes)"
                                       : "not a picture: neither JPEG, PNG, WebP, BMP, GIF nor TIFF begins like this");
}

}  // namespace

Header probe(Bytes bytes, int64_t max_pixels) {
  const Claim claim = read_claim(bytes);
  require(claim.width > 0 && claim.height > 0, ErrorKind::kData, "the picture's header is cut off or gives no size (",
          claim.width, "x", claim.height, ")");
  // A quotient, because the product of two 32-bit sizes need not fit.
  require(claim.width <= max_pixels / claim.height, ErrorKind::kData, "the picture claims ", claim.width, "x",
          claim.height, " pixels, more than the limit of ", max_pixels);
  const auto width = static_cast<int>(claim.width), height = static_cast<int>(claim.height);
  const bool lies = claim.orientation >= 5;
  return {claim.format, lies ? height : width, lies ? width : height, claim.orientation};
}

}  // namespace lockstep::image
