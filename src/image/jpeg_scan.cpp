#include "jpeg_scan.h"

#include <algorithm>

#include "lockstep/core/vectorised.h"

namespace lockstep::image {
namespace {

/// Symbols that one refill is enough for.
constexpr int kLooks = 56 / kLookupBits;
constexpr int kBroken = -1;

/// Where coefficient k of the left block stands in a pair.
constexpr std::array<uint8_t, 64> kPairPlace = [] {
  std::array<uint8_t, 64> places{};
  for (size_t k = 0; k < 64; ++k) places[k] = static_cast<uint8_t>(kZigzag[k] / 8 * 16 + kZigzag[k] % 8);
  return places;
}();

struct Block {
  const HuffmanTable* dc;
  const HuffmanTable* ac;
  int component;
  int across;         // the component's blocks in an MCU
  int column;         // this block's place among them
  BlockPair* target;  // of its row
};

/// The blocks of an MCU in their order.
struct Layout {
  std::array<Block, 6> blocks;
  int count = 0;
};

struct State {
  BitReader reader;
  std::array<int, 3> dc;
};

/// A symbol longer than a look, from the next 16 bits: its length and above it the symbol. Length 0: no code fits.
[[gnu::noinline]] uint32_t find_symbol(const HuffmanTable& table, int word) {
  uint32_t length = kLookupBits + 1;
  while (length <= 16 && word >> (16 - length) >= table.end[length]) ++length;
  if (length > 16) return 0;
  return length | table.code.symbols[(word >> (16 - length)) + table.offset[length]] << 8;
}

/// A symbol that needs more than a look, and its number. Returns an entry without the length; 0 where no code fits.
[[gnu::always_inline]] inline HuffmanEntry read_long(BitReader& reader, const HuffmanTable& table, HuffmanEntry entry,
                                                     bool is_dc) {
  reader.refill();
  uint32_t steps = entry >> 8 & 255, size = entry >> 16, length = entry & 31;
  if (length == 0) {
    const uint32_t found = find_symbol(table, static_cast<int>(reader.look(16)));
    if (found == 0) return 0;
    length = found & 255;
    size = is_dc ? found >> 8 : found >> 8 & 15;
    steps = steps_of(found >> 8);
  }
  reader.drop(length);
  if (size == 0) return kLongEntry | steps << 8;
  const int number = extended(static_cast<int>(reader.look(static_cast<int>(size))), static_cast<int>(size));
  reader.drop(size);
  return kLongEntry | steps << 8 | static_cast<uint32_t>(number) << 16;
}

/// The entry at the reader's place, which moves behind it.
[[gnu::always_inline]] inline HuffmanEntry read_entry(BitReader& reader, const HuffmanTable& table, bool is_dc) {
  const HuffmanEntry entry = table.look[reader.look(kLookupBits)];
  if (entry & kLongEntry) [[unlikely]]
    return read_long(reader, table, entry, is_dc);
  reader.drop(entry & 63);
  return entry;
}

/// Adds the block's DC difference. False where there is no code, or the number leaves 16 bits.
[[gnu::always_inline]] inline bool read_dc(BitReader& reader, const HuffmanTable& table, int& dc) {
  reader.refill();
  const HuffmanEntry entry = read_entry(reader, table, true);
  dc += static_cast<int32_t>(entry) >> 16;
  return entry != 0 && dc == static_cast<int16_t>(dc);
}

/// Reads AC numbers until the block ends. Returns the place of the last one in zigzag order, or kBroken.
[[gnu::always_inline]] inline int read_ac(BitReader& reader, const HuffmanTable& table, int16_t* coefficients) {
  for (uint32_t k = 0;;) {
    reader.refill();
    for (int i = 0; i < kLooks; ++i) {
      const HuffmanEntry entry = table.look[reader.look(kLookupBits)];
      if (entry & kLongEntry) [[unlikely]] {
        const HuffmanEntry whole = read_long(reader, table, entry, false);
        if (whole == 0) return kBroken;
        k += whole >> 8 & 255;
        if (k >= 64) return k >= kBlockEnd ? static_cast<int>(k - kBlockEnd) : kBroken;
        coefficients[kPairPlace[k]] = static_cast<int16_t>(whole >> 16);
        if (k == 63) return 63;
        break;
      }
      reader.drop(entry & 63);
      k += entry >> 8 & 255;
      if (k >= 64) return k >= kBlockEnd ? static_cast<int>(k - kBlockEnd) : kBroken;
      coefficients[kPairPlace[k]] = static_cast<int16_t>(entry >> 16);
      if (k == 63) return 63;
    }
  }
}

/// Passes over AC numbers, several at a look, until the block ends.
[[gnu::always_inline]] inline bool skip_ac(BitReader& reader, const HuffmanTable& table) {
  for (uint32_t k = 0;;) {
    reader.refill();
    for (int i = 0; i < kLooks; ++i) {
      const SkipEntry entry = table.skip[reader.look(kLookupBits)];
      const uint32_t after = k + (entry >> 8);
      // Where a look reaches over the end of the block, or shows not even one symbol, symbols are read one by one.
      if ((entry & 255) != 0 && (after <= 63 || (after >= kBlockEnd && after < kBlockEnd + 63))) [[likely]] {
        reader.drop(entry & 63);
        if (after >= 63) return true;
        k = after;
        continue;
      }
      reader.refill();
      const HuffmanEntry single = read_entry(reader, table, false);
      k += single >> 8 & 255;
      if (single == 0 || (k >= 64 && k < kBlockEnd)) return false;
      if (k >= 63) return true;
      break;
    }
  }
}

[[gnu::always_inline]] inline bool read_block(BitReader& reader, const Block& block, int64_t mcu, int& dc) {
  if (!read_dc(reader, *block.dc, dc)) return false;
  if (!block.target) return skip_ac(reader, *block.ac);
  const int64_t place = mcu * block.across + block.column;
  BlockPair& pair = block.target[place >> 1];
  int16_t* coefficients = pair.coefficients.data() + 8 * (place & 1);
  coefficients[0] = static_cast<int16_t>(dc);
  const int last = read_ac(reader, *block.ac, coefficients);
  pair.last[place & 1] = static_cast<uint8_t>(last);
  return last != kBroken;
}

LOCKSTEP_VECTORISED bool read_mcus(State& state, const Layout& layout, int64_t first, int64_t count) {
  BitReader reader = state.reader;
  for (int64_t mcu = first; mcu < first + count; ++mcu) {
    for (int i = 0; i < layout.count; ++i)
      if (!read_block(reader, layout.blocks[i], mcu, state.dc[layout.blocks[i].component])) return false;
    if (reader.is_overrun()) return false;
  }
  state.reader = reader;
  return true;
}

}  // namespace

bool JpegScan::open(Bytes bytes, const JpegHeader& header) {
  header_ = &header;
  begin_ = reinterpret_cast<const uint8_t*>(bytes.data()) + header.scan;
  end_ = reinterpret_cast<const uint8_t*>(bytes.data()) + bytes.size();
  total_ = int64_t{1} * header.mcus_across() * header.mcus_down();
  rewind();
  for (int c = 0; c < header.component_count; ++c) {
    const JpegComponent& component = header.components[c];
    if (!dc_tables_[component.dc_code].prepare(header.dc_codes[component.dc_code], true)) return false;
    if (!ac_tables_[component.ac_code].prepare(header.ac_codes[component.ac_code], false)) return false;
  }
  return true;
}

void JpegScan::rewind() {
  reader_ = BitReader(begin_, end_);
  dc_ = {};
  mcu_ = 0;
}

bool JpegScan::jump(int64_t mcu, const SeekPoint& point) {
  if (point.bit / 8 >= static_cast<size_t>(end_ - begin_)) return false;
  reader_ = BitReader(begin_ + point.bit / 8, end_);
  reader_.refill();
  reader_.drop(point.bit % 8);
  std::ranges::copy(point.dc, dc_.begin());
  mcu_ = mcu;
  return !reader_.is_overrun();
}

bool JpegScan::here(SeekPoint& point) {
  int bit = 0;
  const int64_t byte = reader_.place(bit) - begin_;
  for (size_t c = 0; c < dc_.size(); ++c) point.dc[c] = static_cast<int16_t>(dc_[c]);
  point.bit = static_cast<uint32_t>(8 * byte + bit);
  return byte < int64_t{1} << 27;
}

bool JpegScan::skip(int64_t count) { return decode(0, count, {}); }

bool JpegScan::decode(int64_t first, int64_t count, const std::array<BlockTarget, 3>& targets) {
  Layout layout;
  for (int c = 0; c < header_->component_count; ++c) {
    const JpegComponent& component = header_->components[c];
    for (int row = 0; row < component.down; ++row)
      for (int column = 0; column < component.across; ++column)
        layout.blocks[layout.count++] = {&dc_tables_[component.dc_code],
                                         &ac_tables_[component.ac_code],
                                         c,
                                         component.across,
                                         column,
                                         targets[c].rows[row]};
  }
  const int interval = header_->restart_interval;
  for (int64_t done = 0; done < count;) {
    const int64_t part = interval > 0 ? std::min(count - done, interval - mcu_ % interval) : count - done;
    State state{reader_, dc_};
    if (!read_mcus(state, layout, first + done, part)) return false;
    reader_ = state.reader;
    dc_ = state.dc;
    done += part;
    mcu_ += part;
    if (interval > 0 && mcu_ % interval == 0 && mcu_ < total_ && !pass_restart()) return false;
  }
  return true;
}

bool JpegScan::pass_restart() {
  reader_.drop(reader_.left() & 7);
  int bit = 0;
  const uint8_t* marker = reader_.place(bit);
  const auto number = static_cast<uint8_t>((mcu_ / header_->restart_interval - 1) & 7);
  if (end_ - marker < 2 || marker[0] != 0xFF || marker[1] != 0xD0 + number) return false;
  reader_ = BitReader(marker + 2, end_);
  dc_ = {};
  return true;
}

}  // namespace lockstep::image
