#include "jpeg_header.h"

#include <algorithm>
#include <cstring>

namespace lockstep::image {
namespace {

constexpr uint32_t kFrame0 = 0xC0, kFrame1 = 0xC1, kHuffmanTables = 0xC4, kScan = 0xDA, kQuantizers = 0xDB,
                   kRestartInterval = 0xDD, kApp0 = 0xE0, kApp14 = 0xEE, kApp15 = 0xEF, kComment = 0xFE;

/// The body of a segment, read from front to back. Reading past its end gives 0 and is remembered.
class Body {
 public:
  explicit Body(Bytes bytes) : bytes_(bytes) {}

  uint32_t u8() {
    if (at_ < bytes_.size()) return std::to_integer<uint32_t>(bytes_[at_++]);
    broken_ = true;
    return 0;
  }
  uint32_t u16() {
    const uint32_t high = u8();
    return high << 8 | u8();
  }
  bool has_more() const { return !broken_ && at_ < bytes_.size(); }
  bool is_spent() const { return !broken_ && at_ == bytes_.size(); }

 private:
  Bytes bytes_;
  size_t at_ = 0;
  bool broken_ = false;
};

// DQT: any number of tables: u4 precision (0: u8, 1: u16), u4 slot, 64 numbers in zigzag order.
bool read_quantizers(Body body, JpegHeader& header) {
  while (body.has_more()) {
    const uint32_t kind = body.u8(), slot = kind & 15;
    if (kind >> 4 > 1 || slot > 3) return false;
    for (uint8_t place : kZigzag)
      header.quantizers[slot][place] = static_cast<int16_t>(kind >> 4 ? body.u16() : body.u8());
    header.has_quantizer[slot] = true;
  }
  return body.is_spent();
}

// DHT: any number of tables: u4 class (0: DC, 1: AC), u4 slot, 16 x u8 count of codes of each length, the symbols.
bool read_huffman_codes(Body body, JpegHeader& header) {
  while (body.has_more()) {
    const uint32_t kind = body.u8(), slot = kind & 15;
    if (kind >> 4 > 1 || slot > 3) return false;
    HuffmanCode& code = (kind >> 4 ? header.ac_codes : header.dc_codes)[slot];
    size_t total = 0;
    for (uint8_t& count : code.counts) total += count = static_cast<uint8_t>(body.u8());
    if (total > code.symbols.size()) return false;
    code.symbols.fill(0);
    for (size_t i = 0; i < total; ++i) code.symbols[i] = static_cast<uint8_t>(body.u8());
    code.present = true;
  }
  return body.is_spent();
}

bool is_supported_sampling(const JpegHeader& header) {
  const auto& [first, second, third] = header.components;
  const auto is_single = [](const JpegComponent& c) { return c.across == 1 && c.down == 1; };
  return first.across <= 2 && first.down <= 2 && is_single(second) && is_single(third);
}

// SOF: u8 precision, u16 height, u16 width, u8 components, each: u8 id, u4 blocks across, u4 down, u8 quantizer.
bool read_frame(Body body, JpegHeader& header) {
  if (header.component_count != 0 || body.u8() != 8) return false;
  header.height = static_cast<int>(body.u16());
  header.width = static_cast<int>(body.u16());
  header.component_count = static_cast<int>(body.u8());
  if (header.height == 0 || header.width == 0 || (header.component_count != 1 && header.component_count != 3))
    return false;
  for (int c = 0; c < header.component_count; ++c) {
    JpegComponent& component = header.components[c];
    component.id = static_cast<uint8_t>(body.u8());
    const uint32_t sampling = body.u8();
    component.across = static_cast<int>(sampling >> 4);
    component.down = static_cast<int>(sampling & 15);
    component.quantizer = static_cast<int>(body.u8());
    if (component.across < 1 || component.across > 4 || component.down < 1 || component.down > 4) return false;
  }
  // A scan of one component has one block in an MCU, whatever the frame says.
  if (header.component_count == 1) header.components[0].across = header.components[0].down = 1;
  return body.is_spent() && is_supported_sampling(header);
}

/// Ids 'R', 'G', 'B' make libjpeg take the components for RGB, unless another segment speaks for YCbCr.
bool may_be_rgb(const JpegHeader& header) {
  const auto& c = header.components;
  return header.component_count == 3 && (!header.is_ycc || (c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'));
}

// SOS: u8 components, each: u8 id, u4 DC slot, u4 AC slot; u8 first and u8 last coefficient, u8 bits of precision.
bool read_scan(Body body, JpegHeader& header) {
  if (header.component_count == 0 || may_be_rgb(header)) return false;
  if (static_cast<int>(body.u8()) != header.component_count) return false;
  for (int c = 0; c < header.component_count; ++c) {
    JpegComponent& component = header.components[c];
    const uint32_t id = body.u8(), slots = body.u8();
    component.dc_code = static_cast<int>(slots >> 4);
    component.ac_code = static_cast<int>(slots & 15);
    for (int other = 0; other < c; ++other)
      if (header.components[other].id == id) return false;
    if (id != component.id || component.dc_code > 3 || component.ac_code > 3 || component.quantizer > 3) return false;
    if (!header.dc_codes[component.dc_code].present || !header.ac_codes[component.ac_code].present ||
        !header.has_quantizer[component.quantizer])
      return false;
    component.width = (header.width * component.across + header.components[0].across - 1) / header.components[0].across;
    component.height = (header.height * component.down + header.components[0].down - 1) / header.components[0].down;
  }
  return body.u8() == 0 && body.u8() == 63 && body.u8() == 0 && body.is_spent();
}

/// Adobe's segment says how colours are coded: 1 is YCbCr.
void read_adobe(Bytes body, JpegHeader& header) {
  if (body.size() >= 12 && std::memcmp(body.data(), "Adobe", 5) == 0) header.is_ycc = body[11] == std::byte{1};
}

bool read_segment(uint32_t marker, Bytes body, JpegHeader& header) {
  if (marker == kHuffmanTables) return read_huffman_codes(Body(body), header);
  if (marker == kQuantizers) return read_quantizers(Body(body), header);
  if (marker == kFrame0 || marker == kFrame1) return read_frame(Body(body), header);
  if (marker == kScan) return read_scan(Body(body), header);
  if (marker == kApp14) read_adobe(body, header);
  if (marker == kRestartInterval) {
    Body interval(body);
    header.restart_interval = static_cast<int>(interval.u16());
    return interval.is_spent();
  }
  return (marker >= kApp0 && marker <= kApp15) || marker == kComment;
}

void forget(JpegHeader& header) {
  header.component_count = 0;
  header.components = {};
  header.has_quantizer = {};
  for (auto* codes : {&header.dc_codes, &header.ac_codes})
    for (HuffmanCode& code : *codes) code.present = false;
  header.is_ycc = true;
  header.restart_interval = 0;
}

}  // namespace

bool read_jpeg_header(Bytes bytes, JpegHeader& header) {
  forget(header);
  if (bytes.size() < 4 || bytes[0] != std::byte{0xFF} || bytes[1] != std::byte{0xD8}) return false;
  for (size_t at = 2;;) {
    if (at >= bytes.size() || bytes[at] != std::byte{0xFF}) return false;
    while (at < bytes.size() && bytes[at] == std::byte{0xFF}) ++at;
    if (bytes.size() - at < 3) return false;
    const auto marker = std::to_integer<uint32_t>(bytes[at]);
    const size_t size =
        std::to_integer<size_t>(bytes[at + 1]) << 8 | std::to_integer<size_t>(bytes[at + 2]);  // counts itself
    if (size < 2 || size > bytes.size() - at - 1) return false;
    if (!read_segment(marker, bytes.subspan(at + 3, size - 2), header)) return false;
    at += 1 + size;
    if (marker != kScan) continue;
    header.scan = at;
    return true;
  }
}

}  // namespace lockstep::image
