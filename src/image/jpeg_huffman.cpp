#include "jpeg_huffman.h"

#include <algorithm>

namespace lockstep::image {
namespace {

constexpr int kLongestDcNumber = 15;

HuffmanEntry make_entry(uint32_t length, uint32_t steps, int upper) {
  return length | steps << 8 | static_cast<uint32_t>(upper) << 16;
}

}  // namespace

bool HuffmanTable::prepare(const HuffmanCode& wanted, bool is_dc) {
  if (code.present && code == wanted) return true;
  code = wanted;
  code.present = assign_codes(is_dc);
  if (code.present && !is_dc) fill_skip();
  return code.present;
}

bool HuffmanTable::assign_codes(bool is_dc) {
  look.fill(kLongEntry);
  uint32_t next = 0;
  int symbol = 0;
  for (int length = 1; length <= 16; ++length, next <<= 1) {
    offset[length] = symbol - static_cast<int>(next);
    for (int i = 0; i < code.counts[length - 1]; ++i, ++next, ++symbol) {
      if (is_dc && code.symbols[symbol] > kLongestDcNumber) return false;
      if (length <= kLookupBits && next < 1U << length) fill(next, length, code.symbols[symbol], is_dc);
    }
    // No code is all ones.
    if (next >= 1U << length) return false;
    end[length] = static_cast<int>(next);
  }
  return true;
}

void HuffmanTable::fill(uint32_t code_word, int length, uint32_t symbol, bool is_dc) {
  const int size = static_cast<int>(symbol & 15), room = kLookupBits - length;
  const uint32_t steps = is_dc ? 0 : steps_of(symbol);
  HuffmanEntry* to = look.data() + (code_word << room);
  if (size > room) {
    std::fill_n(to, 1 << room, kLongEntry | make_entry(static_cast<uint32_t>(length), steps, size));
    return;
  }
  for (int bits = 0; bits < 1 << size; ++bits, to += 1 << (room - size))
    std::fill_n(to, 1 << (room - size), make_entry(static_cast<uint32_t>(length + size), steps, extended(bits, size)));
}

void HuffmanTable::fill_skip() {
  for (uint32_t bits = 0; bits < skip.size(); ++bits) {
    uint32_t length = 0, steps = 0;
    while (steps < kBlockEnd) {
      const HuffmanEntry entry = look[bits << length & (skip.size() - 1)];
      const uint32_t more = entry >> 8 & 255;
      if ((entry & kLongEntry) || length + (entry & 31) > kLookupBits || (more < kBlockEnd && steps + more > 63)) break;
      length += entry & 31;
      steps += more;
    }
    skip[bits] = static_cast<SkipEntry>(length | steps << 8);
  }
}

}  // namespace lockstep::image
