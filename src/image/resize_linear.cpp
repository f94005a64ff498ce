#include "resize_linear.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/vectorised.h"
#include "resize_row.h"

namespace lockstep::image {
namespace {

constexpr float kOne = 2048;  // OpenCV's weights have 11 bits

/// OpenCV's order of double and float operations; anything else rounds otherwise somewhere. May lie outside the source.
Tap tap_at(int position, int source, int target) {
  const double scale = 1.0 / (static_cast<double>(target) / source);
  const auto place = static_cast<float>((position + 0.5) * scale - 0.5);
  const int first = static_cast<int>(std::floor(place));
  const float rest = place - static_cast<float>(first);
  return {first, {static_cast<int16_t>(std::lrint((1 - rest) * kOne)), static_cast<int16_t>(std::lrint(rest * kOne))}};
}

/// Across, OpenCV puts all weight on the outermost sample; down, it keeps the weights and repeats the sample.
Tap column_tap(int x, int source, int target) {
  const Tap tap = tap_at(x, source, target);
  if (tap.first < 0) return {0, {int16_t{2048}, 0}};
  if (tap.first >= source - 1) return {source - 1, {int16_t{2048}, 0}};
  return tap;
}

void find_columns(const Region& region, const Resizing& resizing, std::vector<Tap>& columns) {
  const int width = resizing.window.width;
  columns.resize(width);
  for (int x = 0; x < width; ++x) {
    Tap& column = columns[resizing.mirror ? width - 1 - x : x];
    column = column_tap(resizing.window.x + x, resizing.source.width, resizing.target.width);
    column.first -= region.x;
  }
}

LOCKSTEP_VECTORISED void blend_rows(const int16_t* above, const int16_t* below, const int16_t* weight, size_t count,
                                    uint8_t* out) {
  const int16_t first = weight[0], second = weight[1];
  for (size_t i = 0; i < count; ++i) {
    const auto a = static_cast<int16_t>(above[i] * first >> 16), b = static_cast<int16_t>(below[i] * second >> 16);
    out[i] = static_cast<uint8_t>((a + b + 2) >> 2);
  }
}

}  // namespace

/// Down is the wider of the two: there a sample without weight is looked at too.
Range linear_range(int begin, int count, int source, int target) {
  const int first = tap_at(begin, source, target).first, last = tap_at(begin + count - 1, source, target).first + 1;
  return {std::clamp(first, 0, source - 1), std::clamp(last, 0, source - 1) + 1};
}

void resize_linear(const Image& pixels, const Region& region, const Resizing& resizing, uint8_t* out) {
  thread_local std::vector<Tap> columns;
  thread_local RowBlender blender;
  thread_local std::vector<int16_t> blended[2];
  find_columns(region, resizing, columns);
  blender.prepare(columns, pixels.width, pixels.channels, best_instructions());
  const size_t count = size_t{1} * resizing.window.width * pixels.channels;
  const size_t row_bytes = size_t{1} * pixels.width * pixels.channels;
  for (auto& row : blended) row.resize(blender.output_size());
  int held[2] = {-1, -1};  // which source row each of the two buffers holds; row r goes to buffer r % 2
  const auto blended_row = [&](int row) {
    row = std::clamp(row, 0, resizing.source.height - 1);
    std::vector<int16_t>& buffer = blended[row % 2];
    if (held[row % 2] != row) {
      blender.blend(pixels.pixels.data() + (row - region.y) * row_bytes, buffer.data());
      held[row % 2] = row;
    }
    return buffer.data();
  };
  for (int y = 0; y < resizing.window.height; ++y, out += count) {
    const Tap tap = tap_at(resizing.window.y + y, resizing.source.height, resizing.target.height);
    blend_rows(blended_row(tap.first), blended_row(tap.first + 1), tap.weight, count, out);
  }
}

}  // namespace lockstep::image
