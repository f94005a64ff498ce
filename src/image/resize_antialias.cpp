#include "resize_antialias.h"

#include <algorithm>

#include "lockstep/core/vectorised.h"
#include "resize_filter.h"

namespace lockstep::image {
namespace {

/// The rows below each other, `stride` bytes apart.
LOCKSTEP_VECTORISED void filter_rows(const uint8_t* rows, size_t stride, const int32_t* weights, int count,
                                     uint8_t* out) {
  constexpr size_t kBlock = 128;
  for (size_t begin = 0; begin < stride; begin += kBlock) {
    int32_t sums[kBlock];
    const size_t size = std::min(kBlock, stride - begin);
    for (size_t i = 0; i < size; ++i) sums[i] = 1 << (kFilterBits - 1);
    for (int k = 0; k < count; ++k) {
      const uint8_t* row = rows + k * stride + begin;
      const int32_t weight = weights[k];
      for (size_t i = 0; i < size; ++i) sums[i] += row[i] * weight;
    }
    for (size_t i = 0; i < size; ++i) out[begin + i] = static_cast<uint8_t>(std::clamp(sums[i] >> kFilterBits, 0, 255));
  }
}

}  // namespace

void resize_antialias(const Image& pixels, const Region& region, const Resizing& resizing, uint8_t* out) {
  thread_local Filter across, down;
  thread_local RowFilter row_filter;
  thread_local std::vector<uint8_t> narrowed;  // [region.height, window.width, channels]
  const Region& window = resizing.window;
  across.design(window.x, window.width, resizing.source.width, resizing.target.width, region.x);
  down.design(window.y, window.height, resizing.source.height, resizing.target.height, region.y);
  if (resizing.mirror) std::ranges::reverse(across.parts);
  row_filter.prepare(across, pixels.width, pixels.channels, best_instructions());

  const size_t stride = size_t{1} * window.width * pixels.channels;
  const size_t row_bytes = size_t{1} * pixels.width * pixels.channels;
  narrowed.resize(stride * pixels.height + RowFilter::kOverrun);
  for (size_t y = 0; y < static_cast<size_t>(pixels.height); ++y)
    row_filter.apply(&pixels.pixels[y * row_bytes], &narrowed[y * stride]);
  for (const Filter::Part& part : down.parts) {
    filter_rows(&narrowed[part.first * stride], stride, &down.weights[part.weights], part.count, out);
    out += stride;
  }
}

}  // namespace lockstep::image
