#include "resize.h"

#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "opencv.h"

namespace lockstep::image {
namespace {

constexpr float kOne = 2048;  // OpenCV's weights have 11 bits

/// One output coordinate: between source samples `first` and first + 1, with their weights. May lie outside the source.
struct Tap {
  int first;
  int16_t weight[2];
};

/// OpenCV's order of double and float operations; anything else rounds otherwise somewhere.
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

struct Column {
  int offset[2];  // of the first channel, in the row that is given
  int16_t weight[2];
};

void find_columns(const Region& region, const Region& window, int channels, int source, int target,
                  std::vector<Column>& columns) {
  columns.resize(window.width);
  for (int x = 0; x < window.width; ++x) {
    const Tap tap = column_tap(window.x + x, source, target);
    const int second = std::min(tap.first + 1, source - 1);
    columns[x] = {{(tap.first - region.x) * channels, (second - region.x) * channels}, {tap.weight[0], tap.weight[1]}};
    // A second sample without weight may lie outside the region.
    if (tap.weight[1] == 0) columns[x].offset[1] = columns[x].offset[0];
  }
}

/// 15 bits a value: the sum of 8 bits by 11 bits, without the lowest 4, as OpenCV goes on with it.
template <int kChannels>
void blend_columns(const uint8_t* row, const std::vector<Column>& columns, int16_t* out) {
  for (const Column& column : columns)
    for (int c = 0; c < kChannels; ++c)
      *out++ = static_cast<int16_t>(
          (row[column.offset[0] + c] * column.weight[0] + row[column.offset[1] + c] * column.weight[1]) >> 4);
}

void blend_columns(const uint8_t* row, const std::vector<Column>& columns, int channels, int16_t* out) {
  if (channels == 1)
    blend_columns<1>(row, columns, out);
  else if (channels == 3)
    blend_columns<3>(row, columns, out);
  else
    blend_columns<4>(row, columns, out);
}

void blend_rows(const int16_t* above, const int16_t* below, const int16_t* weight, size_t count, uint8_t* out) {
  const int16_t first = weight[0], second = weight[1];
  for (size_t i = 0; i < count; ++i) {
    const auto a = static_cast<int16_t>(above[i] * first >> 16), b = static_cast<int16_t>(below[i] * second >> 16);
    out[i] = static_cast<uint8_t>((a + b + 2) >> 2);
  }
}

}  // namespace

Region source_under(const Region& window, Size source, Size target) {
  const auto row = [&](int y) { return tap_at(y, source.height, target.height).first; };
  const int left = column_tap(window.x, source.width, target.width).first;
  const int right =
      std::min(column_tap(window.x + window.width - 1, source.width, target.width).first + 1, source.width - 1);
  const int top = std::clamp(row(window.y), 0, source.height - 1);
  const int bottom = std::clamp(row(window.y + window.height - 1) + 1, 0, source.height - 1);
  return {left, top, right - left + 1, bottom - top + 1};
}

void resize_window(const Image& pixels, const Region& region, Size source, Size target, const Region& window,
                   uint8_t* out) {
  thread_local std::vector<Column> columns;
  thread_local std::vector<int16_t> blended[2];
  find_columns(region, window, pixels.channels, source.width, target.width, columns);
  const size_t count = size_t{1} * window.width * pixels.channels;
  int held[2] = {-1, -1};  // which source row each of the two buffers holds; row r goes to buffer r % 2
  for (auto& row : blended) row.resize(count);
  const auto blended_row = [&](int row) {
    row = std::clamp(row, 0, source.height - 1);
    std::vector<int16_t>& buffer = blended[row % 2];
    if (held[row % 2] != row) {
      const uint8_t* from = pixels.pixels.data() + size_t{1} * (row - region.y) * pixels.width * pixels.channels;
      blend_columns(from, columns, pixels.channels, buffer.data());
      held[row % 2] = row;
    }
    return buffer.data();
  };
  for (int y = 0; y < window.height; ++y, out += count) {
    const Tap tap = tap_at(window.y + y, source.height, target.height);
    blend_rows(blended_row(tap.first), blended_row(tap.first + 1), tap.weight, count, out);
  }
}

void resize_bilinear(const Image& in, int width, int height, Image& out) {
  keep_opencv_single_threaded();
  out.resize(width, height, in.channels);
  cv::Mat target = view(out);
  cv::resize(view(in), target, target.size(), 0, 0, cv::INTER_LINEAR);
}

}  // namespace lockstep::image
