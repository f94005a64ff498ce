#include "jpeg_baseline.h"

#include <algorithm>
#include <memory>

#include "jpeg_colour.h"
#include "jpeg_index.h"
#include "jpeg_strip.h"

namespace lockstep::image {
namespace {

/// Half-open.
struct Range {
  int begin = 0, end = 0;
  int size() const { return end - begin; }
};

/// The MCUs under the pixels [begin, end). Upsampling looks one sample of the smaller components further.
Range mcus_under(int begin, int end, int mcu_size, int limit) {
  const int margin = mcu_size > 8 ? 1 : 0;
  return {std::max(0, begin - margin) / mcu_size, std::min((end - 1 + margin) / mcu_size + 1, limit)};
}

class BaselineDecoder {
 public:
  bool decode(Bytes bytes, Bytes seek_points, int width, int height, const Region& region, int channels, Image& out) {
    if (!read_jpeg_header(bytes, header_) || header_.width != width || header_.height != height) return false;
    if (header_.components[1].width <= 2 && header_.mcu_width() > 8) return false;  // libjpeg upsamples those plainly
    if (!scan_.open(bytes, header_)) return false;
    columns_ = mcus_under(region.x, region.x + region.width, header_.mcu_width(), header_.mcus_across());
    rows_ = mcus_under(region.y, region.y + region.height, header_.mcu_height(), header_.mcus_down());
    out.resize(region.width, region.height, channels);
    index_.points.clear();
    if (!seek_points.empty() && unpack_index(seek_points, bytes.size(), header_, rows_.end, index_) &&
        decode_region(region, out))
      return true;
    index_.points.clear();
    scan_.rewind();
    return decode_region(region, out);
  }

  std::vector<std::byte> index(Bytes bytes) {
    if (!read_jpeg_header(bytes, header_) || !scan_.open(bytes, header_)) return {};
    if (!find_seek_points(bytes.size(), header_, scan_, index_)) return {};
    return pack_index(bytes.size(), header_, index_);
  }

 private:
  bool decode_region(const Region& region, Image& out) {
    lay_out(out.channels);
    for (int row = rows_.begin; row < rows_.end; ++row) {
      if (!read_row(row)) {
        for (Strip& strip : strips_) strip.clear();
        return false;
      }
      for (int c = 0; c < used_; ++c)
        strips_[c].transform(row == rows_.begin, header_.quantizers[header_.components[c].quantizer]);
      write_rows(row, region, out);
    }
    return true;
  }

  void lay_out(int channels) {
    used_ = channels == 1 ? 1 : header_.component_count;
    for (int c = 0; c < used_; ++c) strips_[c].lay_out(header_.components[c], columns_.begin, columns_.size());
    const size_t samples = size_t{1} * columns_.size() * header_.mcu_width() + Strip::kMargin;
    for (auto& wide : wide_) wide.resize(samples);
    sums_.resize(samples);
  }

  /// Decodes the wanted MCUs of a row, from the nearest place before them where that can start.
  bool read_row(int row) {
    const int64_t begin = int64_t{row} * header_.mcus_across();
    std::array<BlockTarget, 3> targets{};
    for (int c = 0; c < used_; ++c) targets[c] = strips_[c].target();
    if (index_.is_empty())
      return scan_.skip(begin + columns_.begin - scan_.mcu()) && scan_.decode(0, columns_.size(), targets);
    const int start = columns_.begin / index_.step * index_.step;
    if (begin + start > scan_.mcu() && !scan_.jump(begin + start, point_at(row, start))) return false;
    if (!scan_.skip(begin + columns_.begin - scan_.mcu())) return false;
    for (int column = columns_.begin; column < columns_.end;) {
      // Points of another file hardly say what is found there.
      SeekPoint here;
      const bool is_point = column % index_.step == 0;
      if (is_point && !(scan_.here(here) && here == point_at(row, column))) return false;
      const int next = std::min((column / index_.step + 1) * index_.step, columns_.end);
      if (!scan_.decode(column - columns_.begin, next - column, targets)) return false;
      column = next;
    }
    return true;
  }

  const SeekPoint& point_at(int row, int column) const {
    return index_.points[size_t{1} * row * index_.across + column / index_.step];
  }

  /// The output rows that the strips allow by now. Where rows are upsampled, the last one of a strip waits for the next
  /// strip.
  void write_rows(int row, const Region& region, Image& out) {
    const int height = header_.mcu_height(), lag = height > 8 ? 1 : 0;
    const int begin = std::max(region.y, row * height - lag);
    const int end = row + 1 == header_.mcus_down() ? region.y + region.height
                                                   : std::min(region.y + region.height, (row + 1) * height - lag);
    for (int y = begin; y < end; ++y) {
      uint8_t* to = out.pixels.data() + size_t{1} * (y - region.y) * region.width * out.channels;
      const uint8_t* grey = strips_[0].row(y - row * height) + region.x - columns_.begin * header_.mcu_width();
      if (used_ == 1) {
        convert_grey(grey, region.width, out.channels, to);
        continue;
      }
      const uint8_t* cb = upsampled(1, row, y, region);
      const uint8_t* cr = upsampled(2, row, y, region);
      convert_ycc(grey, cb, cr, region.width, out.channels, to);
    }
  }

  /// The component's samples for output row y, beginning at the region's left edge.
  const uint8_t* upsampled(int c, int mcu_row, int y, const Region& region) {
    const JpegComponent& component = header_.components[c];
    const bool is_wide = header_.mcu_width() > 8, is_high = header_.mcu_height() > 8;
    const auto samples_of = [&](int row) {
      return strips_[c].row(std::clamp(row, 0, component.height - 1) - 8 * mcu_row) - 8 * columns_.begin;
    };
    const int first = is_wide ? region.x >> 1 : region.x;
    const int count = is_wide ? ((region.x + region.width - 1) >> 1) - first + 1 : region.width;
    const int near = is_high ? y >> 1 : y, far = y & 1 ? near + 1 : near - 1;
    uint8_t* out = wide_[c - 1].data();
    if (is_wide && is_high)
      widen_and_heighten(samples_of(near) + first, samples_of(far) + first, count, sums_.data(), out);
    else if (is_wide)
      widen(samples_of(near) + first, count, out);
    else if (is_high)
      heighten(samples_of(near) + first, samples_of(far) + first, y & 1, count, out);
    else
      return samples_of(near) + first;
    return is_wide ? out + (region.x & 1) : out;
  }

  JpegHeader header_;
  JpegScan scan_;
  JpegIndex index_;
  Range columns_, rows_;  // MCUs
  int used_ = 0;          // components that become pixels
  std::array<Strip, 3> strips_;
  std::array<std::vector<uint8_t>, 2> wide_;
  std::vector<uint16_t> sums_;
};

BaselineDecoder& decoder() {
  thread_local const auto one = std::make_unique<BaselineDecoder>();
  return *one;
}

}  // namespace

bool decode_baseline(Bytes bytes, Bytes seek_points, int width, int height, const Region& region, int channels,
                     Image& out) {
  return decoder().decode(bytes, seek_points, width, height, region, channels, out);
}

std::vector<std::byte> index_scan(Bytes bytes) { return decoder().index(bytes); }

}  // namespace lockstep::image
