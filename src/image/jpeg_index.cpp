#include "jpeg_index.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace lockstep::image {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kFixedBytes = 8;
constexpr int kMaxRice = 24, kMaxOnes = 24;
constexpr int64_t kBytesBetweenPoints = 256, kPixelsBetweenPoints = 64;
// What is said of a picture as a whole weighs more in a small one.
constexpr int64_t kSmallScan = 16384, kBytesBetweenPointsOfSmall = 384;

/// What is coded of a point: its distance from the one before, and its DC numbers.
using Fields = std::array<int64_t, 4>;
using Rice = std::array<int, 4>;

int field_count(const JpegHeader& header) { return 1 + header.component_count; }

int points_across(const JpegHeader& header, int step) { return (header.mcus_across() + step - 1) / step; }

/// The prediction of point i: the fields of the point above, in the first row those of the point before.
Fields predicted(const std::vector<Fields>& done, int across) {
  if (done.empty()) return {};
  return done.size() < static_cast<size_t>(across) ? done.back() : done[done.size() - static_cast<size_t>(across)];
}

uint32_t folded(int64_t difference) {
  return static_cast<uint32_t>(difference >= 0 ? 2 * difference : -2 * difference - 1);
}
int64_t unfolded(uint32_t n) { return n % 2 ? -static_cast<int64_t>(n / 2) - 1 : static_cast<int64_t>(n / 2); }

class BitWriter {
 public:
  explicit BitWriter(std::vector<std::byte>& out) : out_(out) {}

  void write(uint64_t bits, int count) {
    for (int i = count - 1; i >= 0; --i) {
      if (free_ == 0) {
        out_.push_back(std::byte{0});
        free_ = 8;
      }
      out_.back() |= std::byte(bits >> i & 1) << --free_;
    }
  }
  void write_rice(uint32_t n, int rice) {
    const uint32_t ones = std::min<uint32_t>(n >> rice, kMaxOnes);
    for (uint32_t i = 0; i < ones; ++i) write(1, 1);
    if (ones == kMaxOnes) return write(n, 32);
    write(0, 1);
    write(n & ((1U << rice) - 1), rice);
  }

 private:
  std::vector<std::byte>& out_;
  int free_ = 0;
};

class RiceReader {
 public:
  explicit RiceReader(Bytes bytes) : bytes_(bytes) {}

  bool is_broken() const { return at_ > 8 * bytes_.size(); }

  uint32_t read(int rice) {
    const uint64_t bits = look();
    const int ones = std::countl_one(bits);
    if (ones >= kMaxOnes) {
      at_ += kMaxOnes + 32;
      return static_cast<uint32_t>(bits << kMaxOnes >> 32);
    }
    at_ += static_cast<size_t>(ones + 1 + rice);
    const uint64_t low = rice == 0 ? 0 : bits << (ones + 1) >> (64 - rice);
    return static_cast<uint32_t>(ones) << rice | static_cast<uint32_t>(low);
  }

 private:
  /// The next 57 bits or more, the first at the top; zeros past the end.
  uint64_t look() const {
    uint64_t bits = 0;
    if (at_ / 8 + 8 <= bytes_.size()) {
      std::memcpy(&bits, bytes_.data() + at_ / 8, 8);
      return (std::endian::native == std::endian::little ? __builtin_bswap64(bits) : bits) << at_ % 8;
    }
    for (size_t i = 0; i < 8; ++i) {
      const size_t byte = at_ / 8 + i;
      bits = bits << 8 | (byte < bytes_.size() ? std::to_integer<uint64_t>(bytes_[byte]) : 0);
    }
    return bits << at_ % 8;
  }

  Bytes bytes_;
  size_t at_ = 0;  // bits
};

/// What each point differs by from its prediction, folded.
std::vector<std::array<uint32_t, 4>> differences_of(const JpegIndex& index) {
  std::vector<std::array<uint32_t, 4>> differences;
  std::vector<Fields> done;
  uint32_t before = 0;
  for (const SeekPoint& point : index.points) {
    const Fields fields{int64_t{point.bit} - before, point.dc[0], point.dc[1], point.dc[2]};
    const Fields guess = predicted(done, index.across);
    auto& difference = differences.emplace_back();
    for (size_t f = 0; f < fields.size(); ++f) difference[f] = folded(fields[f] - guess[f]);
    done.push_back(fields);
    before = point.bit;
  }
  return differences;
}

/// The parameter that makes the field shortest.
int best_rice(const std::vector<std::array<uint32_t, 4>>& differences, size_t field) {
  int best = 0;
  uint64_t fewest = std::numeric_limits<uint64_t>::max();
  for (int rice = 0; rice <= kMaxRice; ++rice) {
    uint64_t bits = 0;
    for (const auto& difference : differences) {
      const uint32_t ones = difference[field] >> rice;
      bits += ones >= kMaxOnes ? kMaxOnes + 32 : ones + 1 + static_cast<uint32_t>(rice);
    }
    if (bits < fewest) best = rice;
    fewest = std::min(fewest, bits);
  }
  return best;
}

int choose_step(size_t file_bytes, const JpegHeader& header) {
  const int64_t mcus = int64_t{1} * header.mcus_across() * header.mcus_down();
  const auto scan_bytes = std::max<int64_t>(1, static_cast<int64_t>(file_bytes - header.scan));
  const int64_t spacing = scan_bytes < kSmallScan ? kBytesBetweenPointsOfSmall : kBytesBetweenPoints;
  const int64_t by_bytes = spacing * mcus / scan_bytes, by_pixels = kPixelsBetweenPoints / header.mcu_width();
  return static_cast<int>(std::min<int64_t>(std::max(by_bytes, by_pixels), header.mcus_across()));
}

/// False where the bits end too early or a number leaves its range.
bool read_points(Bytes bits, const Rice& rice, int fields, int rows, JpegIndex& index) {
  RiceReader reader(bits);
  thread_local std::vector<Fields> done;
  done.clear();
  int64_t bit = 0;
  for (int64_t i = 0; i < int64_t{1} * rows * index.across; ++i) {
    Fields now = predicted(done, index.across);
    for (int f = 0; f < fields; ++f) now[f] += unfolded(reader.read(rice[f]));
    bit += now[0];
    SeekPoint point{static_cast<uint32_t>(bit), {}};
    bool fits = now[0] >= 0 && bit == point.bit;
    for (size_t c = 0; c < point.dc.size(); ++c) {
      point.dc[c] = static_cast<int16_t>(now[c + 1]);
      fits = fits && point.dc[c] == now[c + 1];
    }
    if (!fits || reader.is_broken()) return false;
    index.points.push_back(point);
    done.push_back(now);
  }
  return true;
}

void put(std::vector<std::byte>& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(std::byte(value >> (8 * i)));
}

uint64_t get(Bytes from, size_t at, int bytes) {
  uint64_t value = 0;
  for (int i = bytes - 1; i >= 0; --i)
    value = value << 8 | std::to_integer<uint64_t>(from[at + static_cast<size_t>(i)]);
  return value;
}

}  // namespace

bool find_seek_points(size_t file_bytes, const JpegHeader& header, JpegScan& scan, JpegIndex& index) {
  index.points.clear();
  index.step = choose_step(file_bytes, header);
  index.across = points_across(header, index.step);
  scan.rewind();
  for (int row = 0; row < header.mcus_down(); ++row)
    for (int column = 0; column < header.mcus_across(); column += index.step) {
      SeekPoint point;
      if (!scan.here(point) || !scan.skip(std::min(index.step, header.mcus_across() - column))) return false;
      index.points.push_back(point);
    }
  return true;
}

std::vector<std::byte> pack_index(size_t file_bytes, const JpegHeader& header, const JpegIndex& index) {
  std::vector<std::byte> out;
  put(out, kVersion, 1);
  put(out, file_bytes, 4);
  put(out, static_cast<uint64_t>(index.step), 2);
  put(out, static_cast<uint64_t>(header.component_count - 1) << 4, 1);
  const auto differences = differences_of(index);
  Rice rice{};
  for (int f = 0; f < field_count(header); ++f) {
    rice[f] = best_rice(differences, static_cast<size_t>(f));
    put(out, static_cast<uint64_t>(rice[f]), 1);
  }
  BitWriter bits(out);
  for (const auto& difference : differences)
    for (int f = 0; f < field_count(header); ++f) bits.write_rice(difference[f], rice[f]);
  return out;
}

bool unpack_index(Bytes packed, size_t file_bytes, const JpegHeader& header, int rows, JpegIndex& index) {
  index.points.clear();
  const int fields = field_count(header);
  if (packed.size() <= kFixedBytes + fields || get(packed, 0, 1) != kVersion ||
      get(packed, 1, 4) != static_cast<uint32_t>(file_bytes) ||
      get(packed, 7, 1) != static_cast<uint64_t>(header.component_count - 1) << 4)
    return false;
  Rice rice{};
  for (int f = 0; f < fields; ++f) {
    rice[f] = static_cast<int>(get(packed, kFixedBytes + f, 1));
    if (rice[f] > kMaxRice) return false;
  }
  index.step = static_cast<int>(get(packed, 5, 2));
  if (index.step < 1 || index.step > header.mcus_across()) return false;
  index.across = points_across(header, index.step);
  if (read_points(packed.subspan(kFixedBytes + fields), rice, fields, rows, index)) return true;
  index.points.clear();
  return false;
}

}  // namespace lockstep::image
