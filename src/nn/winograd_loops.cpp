#include "winograd_loops.h"

#include <immintrin.h>

namespace lockstep::nn {
namespace {

// AVX-512 whatever the rest is compiled for; suits_winograd() asks for the processor.
#define LOCKSTEP_AVX512 __attribute__((target("avx512f")))
#define LOCKSTEP_AVX512_INLINE [[gnu::always_inline]] LOCKSTEP_AVX512 inline

/// B' of one line of a patch.
LOCKSTEP_AVX512_INLINE void spread_four(__m512 a, __m512 b, __m512 c, __m512 d, __m512* to, int step) {
  to[0] = _mm512_sub_ps(a, c);
  to[step] = _mm512_add_ps(b, c);
  to[2 * step] = _mm512_sub_ps(c, b);
  to[3 * step] = _mm512_sub_ps(b, d);
}

LOCKSTEP_AVX512_INLINE void prefetch(const float* from) {
  _mm_prefetch(reinterpret_cast<const char*>(from), _MM_HINT_T0);
}

/// A of one line of a tile.
LOCKSTEP_AVX512_INLINE void spread_two(__m512 a, __m512 b, __m512* to, int step) {
  to[0] = a;
  to[step] = _mm512_add_ps(a, b);
  to[2 * step] = _mm512_sub_ps(a, b);
  to[3 * step] = _mm512_sub_ps(_mm512_setzero_ps(), b);
}

/// G of one line of weights.
LOCKSTEP_AVX512_INLINE void spread_three(__m512 a, __m512 b, __m512 c, __m512* to, int step) {
  const __m512 half = _mm512_set1_ps(0.5f), ends = _mm512_add_ps(a, c);
  to[0] = a;
  to[step] = _mm512_mul_ps(half, _mm512_add_ps(ends, b));
  to[2 * step] = _mm512_mul_ps(half, _mm512_sub_ps(ends, b));
  to[3 * step] = c;
}

LOCKSTEP_AVX512_INLINE void store_planes(const __m512* values, float* to, int64_t plane) {
#pragma GCC unroll 16
  for (int p = 0; p < kPlanes; ++p) _mm512_storeu_ps(to + p * plane, values[p]);
}

/// Both steps of G g G' for 9 vectors of weights.
LOCKSTEP_AVX512_INLINE void store_weights(const __m512* weights, float* to, int64_t plane) {
  __m512 lines[12], planes[16];
#pragma GCC unroll 3
  for (int s = 0; s < 3; ++s) spread_three(weights[s], weights[3 + s], weights[6 + s], lines + s, 3);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) spread_three(lines[3 * i], lines[3 * i + 1], lines[3 * i + 2], planes + 4 * i, 1);
  store_planes(planes, to, plane);
}

// With a mask of all ones: g++ 12 takes what the forms without a mask leave undefined for a mistake.
constexpr __mmask16 kAll = 0xffff;

/// The even or the odd quarters of both.
LOCKSTEP_AVX512_INLINE __m512 quarters(__m512 low, __m512 high, int odd) {
  return odd ? _mm512_maskz_shuffle_f32x4(kAll, low, high, 0xdd) : _mm512_maskz_shuffle_f32x4(kAll, low, high, 0x88);
}

/// to[j][i] = from[i][j] of 16 x 16 numbers; rows lie `row` numbers apart.
LOCKSTEP_AVX512_INLINE void transpose(const float* from, int64_t row, float* to) {
  __m512 a[16], b[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    const __m512 one = _mm512_loadu_ps(from + i * row), two = _mm512_loadu_ps(from + (i + 1) * row);
    a[i] = _mm512_maskz_unpacklo_ps(kAll, one, two);
    a[i + 1] = _mm512_maskz_unpackhi_ps(kAll, one, two);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {  // a[i] and a[i + 2], a[i + 1] and a[i + 3] of each four
    const int first = i / 4 * 4 + i % 4 / 2;
    b[i] = _mm512_maskz_shuffle_ps(kAll, a[first], a[first + 2], 0x44);
    b[i + 1] = _mm512_maskz_shuffle_ps(kAll, a[first], a[first + 2], 0xee);
  }
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {  // b[4 i + j] holds the columns j, 4 + j, 8 + j, 12 + j of the rows 4 i .. 4 i + 3
#pragma GCC unroll 2
    for (int odd = 0; odd < 2; ++odd) {
      const __m512 low = quarters(b[j], b[4 + j], odd), high = quarters(b[8 + j], b[12 + j], odd);
      _mm512_storeu_ps(to + (4 * odd + j) * kLane, quarters(low, high, 0));
      _mm512_storeu_ps(to + (8 + 4 * odd + j) * kLane, quarters(low, high, 1));
    }
  }
}

LOCKSTEP_AVX512_INLINE void spread_patch(const std::array<const float*, 16>& from, float* to, int64_t channels,
                                         int64_t below) {
  for (int64_t c = 0; c < channels; c += kLane) {
    __m512 lines[16], planes[16];
#pragma GCC unroll 4
    for (const size_t k : {9, 10, 13, 14}) prefetch(from[k] + below + c);
#pragma GCC unroll 4
    for (int x = 0; x < 4; ++x)
      spread_four(_mm512_loadu_ps(from[x] + c), _mm512_loadu_ps(from[4 + x] + c), _mm512_loadu_ps(from[8 + x] + c),
                  _mm512_loadu_ps(from[12 + x] + c), lines + x, 4);
#pragma GCC unroll 4
    for (int y = 0; y < 4; ++y)
      spread_four(lines[4 * y], lines[4 * y + 1], lines[4 * y + 2], lines[4 * y + 3], planes + 4 * y, 1);
    store_planes(planes, to + c, channels);
  }
}

LOCKSTEP_AVX512_INLINE void spread_tile(const std::array<const float*, 4>& from, float* to, int64_t channels,
                                        int64_t below) {
  for (int64_t c = 0; c < channels; c += kLane) {
    __m512 lines[8], planes[16];
#pragma GCC unroll 4
    for (const float* pixel : from) prefetch(pixel + below + c);
#pragma GCC unroll 2
    for (int x = 0; x < 2; ++x)
      spread_two(_mm512_loadu_ps(from[x] + c), _mm512_loadu_ps(from[2 + x] + c), lines + x, 2);
#pragma GCC unroll 4
    for (int y = 0; y < 4; ++y) spread_two(lines[2 * y], lines[2 * y + 1], planes + 4 * y, 1);
    store_planes(planes, to + c, channels);
  }
}

LOCKSTEP_AVX512_INLINE void gather_tile(const float* from, const std::array<float*, 4>& to, int64_t channels) {
  for (int64_t c = 0; c < channels; c += kLane) {
    __m512 lines[8];
#pragma GCC unroll 4
    for (int x = 0; x < 4; ++x) {
      const float* column = from + x * channels + c;
      const __m512 one = _mm512_loadu_ps(column + 4 * channels), two = _mm512_loadu_ps(column + 8 * channels);
      lines[x] = _mm512_add_ps(_mm512_loadu_ps(column), _mm512_add_ps(one, two));
      lines[4 + x] = _mm512_sub_ps(_mm512_sub_ps(one, two), _mm512_loadu_ps(column + 12 * channels));
    }
#pragma GCC unroll 2
    for (int y = 0; y < 2; ++y) {
      const __m512 *line = lines + 4 * y, one = line[1], two = line[2];
      if (to[2 * y]) _mm512_storeu_ps(to[2 * y] + c, _mm512_add_ps(line[0], _mm512_add_ps(one, two)));
      if (to[2 * y + 1]) _mm512_storeu_ps(to[2 * y + 1] + c, _mm512_sub_ps(_mm512_sub_ps(one, two), line[3]));
    }
  }
}

/// kRows x kVectors sums stay in registers through all steps.
template <int kVectors>
LOCKSTEP_AVX512_INLINE void multiply_rows(const Product& p, int64_t row) {
  const float *left = p.left + row * p.left_row, *right = p.right;
  float* to = p.to + row * p.to_row;
  __m512 sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v)
      sums[r][v] = p.adds ? _mm512_loadu_ps(to + r * p.to_row + v * kLane) : _mm512_setzero_ps();
  for (int64_t s = 0; s < p.steps; ++s, left += p.left_step, right += p.right_step) {
    __m512 vectors[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) vectors[v] = _mm512_loadu_ps(right + v * kLane);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const __m512 factor = _mm512_set1_ps(left[r * p.left_row]);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sums[r][v] = _mm512_fmadd_ps(factor, vectors[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) _mm512_storeu_ps(to + r * p.to_row + v * kLane, sums[r][v]);
}

}  // namespace

Pictures::Pictures(int64_t count, int64_t height, int64_t width, int64_t channels)
    : height_(height),
      width_(width),
      channels_(channels),
      across_((width + 1) / 2),
      tiles_of_picture_((height + 1) / 2 * across_),
      tiles_(count * tiles_of_picture_),
      zeros_(static_cast<size_t>(channels)) {}

LOCKSTEP_AVX512 void spread_weights(const float* from, int64_t inputs, float* to, int64_t plane, int64_t row) {
  alignas(64) float turned[9][kLane * kLane];  // [position][input][output]
  for (int64_t k = 0; k < 9; ++k) transpose(from + k * inputs, 9 * inputs, turned[k]);
  for (int64_t i = 0; i < kLane; ++i) {
    __m512 weights[9];
#pragma GCC unroll 9
    for (int k = 0; k < 9; ++k) weights[k] = _mm512_load_ps(turned[k] + i * kLane);
    store_weights(weights, to + i * row, plane);
  }
}

LOCKSTEP_AVX512 void spread_turned_weights(const float* from, int64_t inputs, float* to, int64_t plane, int64_t row) {
  for (int64_t o = 0; o < kLane; ++o) {
    __m512 weights[9];
#pragma GCC unroll 9
    for (int k = 0; k < 9; ++k) weights[k] = _mm512_loadu_ps(from + (9 * o + 8 - k) * inputs);
    store_weights(weights, to + o * row, plane);
  }
}

LOCKSTEP_AVX512 void gather_weights(const float* from, int64_t plane, float* to, int64_t channels) {
  const __m512 half = _mm512_set1_ps(0.5f);
  for (int64_t c = 0; c < channels; c += kLane) {
    __m512 lines[12];
#pragma GCC unroll 4
    for (int x = 0; x < 4; ++x) {
      const float* column = from + x * plane + c;
      const __m512 one = _mm512_mul_ps(half, _mm512_loadu_ps(column + 4 * plane)),
                   two = _mm512_mul_ps(half, _mm512_loadu_ps(column + 8 * plane)), both = _mm512_add_ps(one, two);
      lines[x] = _mm512_add_ps(_mm512_loadu_ps(column), both);
      lines[4 + x] = _mm512_sub_ps(one, two);
      lines[8 + x] = _mm512_add_ps(both, _mm512_loadu_ps(column + 12 * plane));
    }
#pragma GCC unroll 3
    for (int y = 0; y < 3; ++y) {
      const __m512* line = lines + 4 * y;
      const __m512 one = _mm512_mul_ps(half, line[1]), two = _mm512_mul_ps(half, line[2]),
                   both = _mm512_add_ps(one, two);
      float* here = to + 3 * y * channels + c;
      _mm512_storeu_ps(here, _mm512_add_ps(line[0], both));
      _mm512_storeu_ps(here + channels, _mm512_sub_ps(one, two));
      _mm512_storeu_ps(here + 2 * channels, _mm512_add_ps(both, line[3]));
    }
  }
}

// A constant number of channels, the least, saves a third of the time there.
LOCKSTEP_AVX512 void spread_patches(const Pictures& from, const float* pixels, int64_t begin, int64_t end, float* to) {
  const int64_t below = 2 * from.line();
  for (int64_t tile = begin; tile < end; ++tile, to += tile_row(from.channels())) {
    const auto patch = from.pixels<4>(pixels, tile, 1, from.zeros());
    from.channels() == kLane ? spread_patch(patch, to, kLane, below) : spread_patch(patch, to, from.channels(), below);
  }
}

LOCKSTEP_AVX512 void spread_tiles(const Pictures& from, const float* pixels, int64_t begin, int64_t end, float* to) {
  const int64_t below = 2 * from.line();
  for (int64_t tile = begin; tile < end; ++tile, to += tile_row(from.channels())) {
    const auto four = from.pixels<2>(pixels, tile, 0, from.zeros());
    from.channels() == kLane ? spread_tile(four, to, kLane, below) : spread_tile(four, to, from.channels(), below);
  }
}

LOCKSTEP_AVX512 void gather_tiles(const float* from, const Pictures& to, int64_t begin, int64_t end, float* pixels) {
  for (int64_t tile = begin; tile < end; ++tile, from += tile_row(to.channels())) {
    const auto four = to.pixels<2>(pixels, tile, 0, static_cast<float*>(nullptr));
    to.channels() == kLane ? gather_tile(from, four, kLane) : gather_tile(from, four, to.channels());
  }
}

LOCKSTEP_AVX512 void multiply(const Product& product) {
  for (int64_t row = 0; row < product.rows; row += kRows)
    product.columns == kLane ? multiply_rows<1>(product, row) : multiply_rows<2>(product, row);
}

}  // namespace lockstep::nn
