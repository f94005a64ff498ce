#pragma once

#include "jpeg_bits.h"
#include "jpeg_huffman.h"

namespace lockstep::image {

/// A place between two MCUs of a scan where decoding can start.
struct SeekPoint {
  uint32_t bit = 0;             ///< from the first byte of the entropy-coded data, as it stands in the file
  std::array<int16_t, 3> dc{};  ///< the component's last DC number
  friend bool operator==(const SeekPoint&, const SeekPoint&) = default;
};

/// The coefficients of two blocks side by side, row by row in turns: row 0 of the left one, row 0 of the right one, row
/// 1 of the left one, ... The transform takes them together.
struct alignas(64) BlockPair {
  std::array<int16_t, 128> coefficients{};
  std::array<uint8_t, 2> last{};  ///< the last coefficient that is not 0, in zigzag order
};

/// Where the coefficients of a component's blocks go: `rows[i]` takes row i of the blocks of some neighbouring MCUs
/// from left to right. Null: the component is passed over.
struct BlockTarget {
  std::array<BlockPair*, 2> rows{};
};

/// Walks over the MCUs of a scan. Decoding gives up (false) at whatever is not exactly as it should be; nothing is ever
/// read outside the bytes. The header must outlive the walk. Kept between pictures, because its tables are costly.
class JpegScan {
 public:
  /// False where the Huffman codes are impossible.
  bool open(Bytes bytes, const JpegHeader& header);
  /// To the first MCU.
  void rewind();
  /// To any MCU. False where the point is not in the data.
  bool jump(int64_t mcu, const SeekPoint& point);

  /// The MCU that comes next.
  int64_t mcu() const { return mcu_; }
  /// Where it begins. False beyond 2^30 bits.
  bool here(SeekPoint& point);

  bool skip(int64_t count);
  /// Into the targets' blocks for MCU `first` and on. They must be all zeros.
  bool decode(int64_t first, int64_t count, const std::array<BlockTarget, 3>& targets);

 private:
  bool pass_restart();

  const JpegHeader* header_ = nullptr;
  const uint8_t* begin_ = nullptr;
  const uint8_t* end_ = nullptr;
  BitReader reader_;
  std::array<int, 3> dc_{};
  int64_t mcu_ = 0, total_ = 0;
  std::array<HuffmanTable, 4> dc_tables_, ac_tables_;
};

}  // namespace lockstep::image
