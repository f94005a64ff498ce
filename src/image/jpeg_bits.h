#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "lockstep/core/file.h"

namespace lockstep::image {

/// Reads the bits of a scan, the first at the top of `bits`. In the file a byte FF of the data is followed by 00; FF
/// and anything else is a marker, where the data ends: zeros are given from there on, which is_overrun() tells. Never
/// reads outside the bytes. Small, so that the decoder's loops keep it in registers.
class BitReader {
 public:
  BitReader() = default;
  BitReader(const uint8_t* next, const uint8_t* end) : next_(next), end_(end) {}

  /// At least 56 bits are there afterwards.
  [[gnu::always_inline]] void refill() {
    if (end_ - next_ >= 8) [[likely]] {
      uint64_t word;
      std::memcpy(&word, next_, sizeof word);
      if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
      const uint64_t is_ff = (~word - 0x0101010101010101) & word & 0x8080808080808080;
      if (is_ff == 0) [[likely]] {
        bits_ |= word >> count_;
        next_ += (63 - count_) >> 3;
        count_ |= 56;
        return;
      }
    }
    refill_bytewise();
  }
  [[gnu::always_inline]] uint64_t look(int count) const { return bits_ >> (64 - count); }
  [[gnu::always_inline]] void drop(uint32_t count) {
    bits_ <<= count;
    count_ -= static_cast<int>(count);
  }
  bool is_overrun() const { return count_ < padding_; }

  /// Bits of the data that are read but not dropped.
  int left() const { return count_ - padding_; }
  /// The byte in the file that holds the next bit; `bit` of its bits are dropped.
  const uint8_t* place(int& bit) const {
    const uint8_t* byte = next_;
    for (int back = (left() + 7) / 8; back > 0; --back) byte -= byte[-1] == 0 && byte[-2] == 0xFF ? 2 : 1;
    bit = -left() & 7;
    return byte;
  }

 private:
  // Inline like the rest: a call would force the loops to keep their reader in memory.
  [[gnu::always_inline]] void refill_bytewise() {
    while (count_ < 56) {
      uint64_t byte = 0;
      if (next_ < end_ && *next_ != 0xFF) {
        byte = *next_++;
      } else if (end_ - next_ >= 2 && next_[1] == 0) {
        byte = 0xFF;
        next_ += 2;
      } else {
        padding_ += 8;
      }
      bits_ |= byte << (56 - count_);
      count_ += 8;
    }
  }

  uint64_t bits_ = 0;
  int count_ = 0;    // bits in bits_ that are accounted for; those below are a preview of *next_
  int padding_ = 0;  // of them, zeros that are not in the file
  const uint8_t* next_ = nullptr;
  const uint8_t* end_ = nullptr;
};

}  // namespace lockstep::image
