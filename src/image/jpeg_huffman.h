#pragma once

#include "jpeg_header.h"

namespace lockstep::image {

/// The next bits of a scan decide by one look what they mean: a symbol together with the number that follows it.
constexpr int kLookupBits = 11;

/// What a look at kLookupBits bits says.
///   bits 0-4    length of the symbol and its number; of a long one: of the symbol, 0 where that is longer than a look
///   bit  7      the entry is long: symbol and number do not fit into the look
///   bits 8-15   steps in zigzag order to the place of the number; kBlockEnd: no more numbers in the block
///   bits 16-31  the number (int16); of a long entry: the bits of the number
using HuffmanEntry = uint32_t;
constexpr HuffmanEntry kLongEntry = 0x80;
constexpr uint32_t kBlockEnd = 128;

/// What a look says to one who wants to pass over numbers: it covers as many symbols as fit.
///   bits 0-7   length of all of them; 0: use HuffmanEntry
///   bits 8-15  their steps in zigzag order, and kBlockEnd more when they end the block
using SkipEntry = uint16_t;

/// Of an AC symbol: four bits for the zeros before the number, four for the number's size. Size 0 is the end of the
/// block, but for 15 and 0, which is sixteen zeros.
constexpr uint32_t steps_of(uint32_t symbol) {
  return (symbol & 15) == 0 && symbol != 0xF0 ? kBlockEnd : (symbol >> 4) + 1;
}

/// The number that `size` bits stand for: the upper half of their range is positive, the lower half negative (ITU T.81,
/// F.2.2.1).
constexpr int extended(int bits, int size) { return size == 0 || bits >> (size - 1) ? bits : bits - (1 << size) + 1; }

/// A Huffman code made ready for decoding. It is made again only for another code than before.
struct HuffmanTable {
  std::array<HuffmanEntry, 1 << kLookupBits> look;
  std::array<SkipEntry, 1 << kLookupBits> skip;  ///< of AC codes
  std::array<int32_t, 17> end{};                 ///< one past the last code of each length
  std::array<int32_t, 17> offset{};              ///< from a code to its symbol
  HuffmanCode code;                              ///< what it was made for

  /// False where the code is impossible or DC symbols are too large; libjpeg refuses those.
  bool prepare(const HuffmanCode& wanted, bool is_dc);

 private:
  bool assign_codes(bool is_dc);
  void fill(uint32_t code_word, int length, uint32_t symbol, bool is_dc);
  void fill_skip();
};

}  // namespace lockstep::image
