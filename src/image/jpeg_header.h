#pragma once

#include <array>

#include "lockstep/core/file.h"

namespace lockstep::image {

/// A Huffman code as its segment (DHT) says it: symbols in order of their codes' length.
struct HuffmanCode {
  std::array<uint8_t, 16> counts{};    ///< codes of 1..16 bits
  std::array<uint8_t, 256> symbols{};  ///< 0 past the last
  bool present = false;
  friend bool operator==(const HuffmanCode&, const HuffmanCode&) = default;
};

struct JpegComponent {
  int across = 1, down = 1;   ///< blocks in an MCU
  int width = 0, height = 0;  ///< samples
  int quantizer = 0, dc_code = 0, ac_code = 0;
  uint8_t id = 0;
};

/// What stands before the scan of a plain baseline JPEG.
struct JpegHeader {
  int width = 0, height = 0;
  int component_count = 0;  ///< 1 (grey) or 3 (YCbCr; Cb and Cr have one block in an MCU)
  std::array<JpegComponent, 3> components;
  std::array<std::array<int16_t, 64>, 4> quantizers{};  ///< row by row
  std::array<bool, 4> has_quantizer{};
  std::array<HuffmanCode, 4> dc_codes, ac_codes;
  bool is_ycc = true;        ///< unless Adobe's segment says otherwise
  int restart_interval = 0;  ///< MCUs; 0: none
  size_t scan = 0;           ///< offset of the entropy-coded data

  int mcu_width() const { return 8 * components[0].across; }
  int mcu_height() const { return 8 * components[0].down; }
  int mcus_across() const { return (width + mcu_width() - 1) / mcu_width(); }
  int mcus_down() const { return (height + mcu_height() - 1) / mcu_height(); }
};

/// Place k of the zigzag order, counted row by row.
inline constexpr std::array<uint8_t, 64> kZigzag = [] {
  std::array<uint8_t, 64> order{};
  size_t k = 0;
  for (int diagonal = 0; diagonal < 15; ++diagonal)
    for (int i = 0; i <= diagonal; ++i) {
      const int row = diagonal % 2 ? i : diagonal - i, column = diagonal - row;
      if (row < 8 && column < 8) order[k++] = static_cast<uint8_t>(8 * row + column);
    }
  return order;
}();

/// False where the file is not plain: 8-bit sequential Huffman coding (SOF0, SOF1), grey or YCbCr in 4:4:4, 4:2:2,
/// 4:4:0 or 4:2:0, one scan, and nothing that libjpeg would warn of. `header` means nothing then.
bool read_jpeg_header(Bytes bytes, JpegHeader& header);

}  // namespace lockstep::image
