#include "gif.h"

#include <algorithm>
#include <array>

namespace lockstep::image {
namespace {

// GIF: 6 bytes signature, u16 width, u16 height, u8 flags (80: a palette of 2 << (flags & 7) colours follows), u8
// background, u8 aspect, the palette, then blocks until 3B. A block is 21, u8 kind and sub-blocks (an extension) or a
// frame:
//   2C, u16 left, u16 top, u16 width, u16 height, u8 flags (80: own palette, 40: interlaced), the palette, u8 code
//   size, sub-blocks
// Sub-blocks are u8 length and that many bytes; length 0 is the last. Extension F9 holds in its 4 bytes u8 flags (1:
// one colour is transparent), u16 delay, u8 that colour. All numbers are little-endian.
constexpr int kExtension = 0x21, kFrame = 0x2C, kTransparency = 0xF9, kHasPalette = 0x80, kInterlaced = 0x40;

/// Reads on and on; past the end it finds zeros, which end every list of blocks.
class Input {
 public:
  explicit Input(Bytes bytes) : bytes_(bytes) {}
  bool at_end() const { return at_ >= bytes_.size(); }
  int u8() { return at_end() ? 0 : std::to_integer<int>(bytes_[at_++]); }
  int u16() {
    const int low = u8();
    return low | u8() << 8;
  }
  void skip(size_t count) { at_ = std::min(bytes_.size(), at_ + count); }
  void skip_blocks() {
    while (const int length = u8()) skip(length);
  }

 private:
  Bytes bytes_;
  size_t at_ = 0;
};

struct Palette {
  std::array<std::array<uint8_t, 3>, 256> colours{};
};

Palette read_palette(Input& input, int flags) {
  Palette palette;
  for (int i = 0; i < 2 << (flags & 7); ++i)
    for (uint8_t& value : palette.colours[i]) value = static_cast<uint8_t>(input.u8());
  return palette;
}

/// The colour to leave out, or -1.
int read_transparency(Input& input) {
  const int length = input.u8();
  const int flags = input.u8();
  input.u16();
  const int colour = input.u8();
  input.skip(std::max(0, length - 4));
  input.skip_blocks();
  return flags & 1 ? colour : -1;
}

/// Codes of growing size, lowest bit first, from sub-blocks.
class Codes {
 public:
  explicit Codes(Input& input) : input_(input) {}
  /// -1 at the end.
  int next(int size) {
    while (held_ < size) {
      if (left_ == 0) left_ = input_.u8();
      if (left_ == 0 || input_.at_end()) return -1;
      bits_ |= static_cast<uint32_t>(input_.u8()) << held_;
      held_ += 8;
      --left_;
    }
    const int code = static_cast<int>(bits_ & ((1U << size) - 1));
    bits_ >>= size;
    held_ -= size;
    return code;
  }

 private:
  Input& input_;
  uint32_t bits_ = 0;
  int held_ = 0, left_ = 0;
};

/// LZW with codes of at most 12 bits.
std::vector<uint8_t> read_colours(Input& input, size_t count) {
  constexpr int kMaxCodes = 4096;
  const int root_bits = input.u8();
  require(root_bits >= 1 && root_bits <= 8, ErrorKind::kData, "GIF is broken: a code size of ", root_bits);
  const int clear = 1 << root_bits;
  std::array<int16_t, kMaxCodes> prefix;
  std::array<uint8_t, kMaxCodes> last, string;
  for (int i = 0; i < clear; ++i) last[i] = static_cast<uint8_t>(i);
  std::vector<uint8_t> colours;
  Codes codes(input);
  int size = root_bits + 1, known = clear + 2, previous = -1;
  uint8_t first = 0;
  while (colours.size() < count) {
    const int code = codes.next(size);
    if (code < 0 || code == clear + 1) break;
    if (code == clear) {
      size = root_bits + 1;
      known = clear + 2;
      previous = -1;
      continue;
    }
    require(previous < 0 ? code < clear : code <= known, ErrorKind::kData, "GIF is broken: an unknown code");
    int length = 0, at = code;
    if (previous >= 0 && code == known) {
      string[length++] = first;
      at = previous;
    }
    for (; at >= clear; at = prefix[at]) string[length++] = last[at];
    first = string[length++] = last[at];
    while (length > 0 && colours.size() < count) colours.push_back(string[--length]);
    if (previous >= 0 && known < kMaxCodes) {
      prefix[known] = static_cast<int16_t>(previous);
      last[known++] = first;
    }
    if (known == 1 << size && size < 12) ++size;
    previous = code;
  }
  require(colours.size() == count, ErrorKind::kData, "GIF is cut off: ", colours.size(), " of ", count,
          " pixels are there");
  return colours;
}

/// The order in which the rows of a frame are stored.
std::vector<int> stored_rows(int height, bool interlaced) {
  std::vector<int> rows;
  if (!interlaced) {
    for (int y = 0; y < height; ++y) rows.push_back(y);
    return rows;
  }
  for (auto [start, step] : {std::pair{0, 8}, {4, 8}, {2, 4}, {1, 2}})
    for (int y = start; y < height; y += step) rows.push_back(y);
  return rows;
}

void draw_frame(Input& input, Palette palette, int transparent, Image& rgba) {
  const int left = input.u16(), top = input.u16(), width = input.u16(), height = input.u16(), flags = input.u8();
  require(left + width <= rgba.width && top + height <= rgba.height, ErrorKind::kData, "GIF has a frame of ", width,
          "x", height, "+", left, "+", top, " outside its canvas of ", rgba.width, "x", rgba.height);
  if (flags & kHasPalette) palette = read_palette(input, flags);
  const std::vector<uint8_t> colours = read_colours(input, size_t{1} * width * height);
  const std::vector<int> rows = stored_rows(height, flags & kInterlaced);
  for (size_t i = 0; i < colours.size(); ++i) {
    const size_t y = top + rows[i / width], x = left + i % width;
    uint8_t* pixel = rgba.pixels.data() + (y * rgba.width + x) * 4;
    std::copy_n(palette.colours[colours[i]].begin(), 3, pixel);
    pixel[3] = colours[i] == transparent ? 0 : 255;
  }
}

}  // namespace

void decode_gif(Bytes bytes, int width, int height, Image& rgba) {
  Input input(bytes);
  input.skip(10);
  const int flags = input.u8();
  input.skip(2);
  const Palette palette = flags & kHasPalette ? read_palette(input, flags) : Palette();
  rgba.resize(width, height, 4);
  std::fill(rgba.pixels.begin(), rgba.pixels.end(), uint8_t{0});
  for (int transparent = -1;;) {
    const int block = input.u8();
    if (block == kFrame) return draw_frame(input, palette, transparent, rgba);
    require(block == kExtension, ErrorKind::kData, "GIF is broken: it holds no frame");
    if (input.u8() == kTransparency)
      transparent = read_transparency(input);
    else
      input.skip_blocks();
  }
}

}  // namespace lockstep::image
